// @alicloud/ecs20140526 (V3: ACS3-HMAC-SHA256).
'use strict';

const { default: Client, AttachNetworkInterfaceRequest } = require('@alicloud/ecs20140526');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { ALICE, DENIED_ON, ENI, PRODUCTION, REGION, TERWAY, WORKER, check, isRequestId, refusal } = require('./checks');

const endpoint = process.argv[2];

function attach(key, instance) {
  const config = new $OpenApiUtil.Config({
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    endpoint,
    protocol: 'http',
    regionId: REGION,
  });
  const request = new AttachNetworkInterfaceRequest({
    regionId: REGION,
    networkInterfaceId: ENI,
    instanceId: instance,
  });
  return new Client(config).attachNetworkInterface(request);
}

async function main() {
  await check('node_v3: an allowed attach returns a RequestId', async () => {
    const answer = await attach(TERWAY, WORKER);
    return answer.statusCode === 200 && isRequestId(answer.body.requestId) ? undefined : JSON.stringify(answer);
  });
  await check('node_v3: a denied attach throws ClientError Forbidden.SubUser', async () => {
    const error = await refusal(() => attach(ALICE, PRODUCTION));
    const good = error.name === 'ClientError' && error.statusCode === 403 && error.code === 'Forbidden.SubUser';
    return good && isRequestId(error.requestId) ? undefined : `${error.name} ${error.statusCode} ${error.code}`;
  });
  await check('node_v3: the error carries the AccessDeniedDetail', async () => {
    const detail = (await refusal(() => attach(ALICE, PRODUCTION))).accessDeniedDetail;
    const good = detail.NoPermissionType === 'ExplicitDeny' && detail.AuthResource === DENIED_ON;
    return good ? undefined : JSON.stringify(detail);
  });
  await check('node_v3: a wrong secret throws SignatureDoesNotMatch', async () => {
    const error = await refusal(() => attach({ id: TERWAY.id, secret: 'not-the-secret' }, WORKER));
    return error.statusCode === 400 && error.code === 'SignatureDoesNotMatch' ? undefined : `${error.name} ${error.code}`;
  });
}

main();
