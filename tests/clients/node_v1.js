// @alicloud/pop-core (V1: GET with everything in the query, POST with everything in the form).
'use strict';

const { RPCClient } = require('@alicloud/pop-core');
const {
  ALICE, DENIED_ON, ENI, PRODUCTION, REGION, TERWAY, URL: endpoint, WORKER, check, isRequestId, refusal,
} = require('./checks');

function attach(method, key, instance) {
  const client = new RPCClient({
    accessKeyId: key.id,
    accessKeySecret: key.secret,
    endpoint,
    apiVersion: '2014-05-26',
  });
  const parameters = { RegionId: REGION, NetworkInterfaceId: ENI, InstanceId: instance };
  return client.request('AttachNetworkInterface', parameters, { method });
}

async function main() {
  for (const method of ['GET', 'POST']) {
    await check(`${method}: an allowed attach returns a RequestId`, async () => {
      const answer = await attach(method, TERWAY, WORKER);
      return isRequestId(answer.RequestId) ? undefined : JSON.stringify(answer);
    });
    await check(`${method}: a denied attach rejects with Forbidden.SubUser`, async () => {
      const error = await refusal(() => attach(method, ALICE, PRODUCTION));
      const good = error.code === 'Forbidden.SubUser' && error.name === 'Forbidden.SubUserError';
      return good ? undefined : `${error.name} ${error.code} ${error.message}`;
    });
    await check(`${method}: the error carries the AccessDeniedDetail`, async () => {
      const { data } = await refusal(() => attach(method, ALICE, PRODUCTION));
      const detail = data.AccessDeniedDetail;
      const good = detail.NoPermissionType === 'ExplicitDeny' && detail.AuthResource === DENIED_ON;
      return good && isRequestId(data.RequestId) ? undefined : JSON.stringify(data);
    });
    await check(`${method}: a wrong secret rejects with IncompleteSignature`, async () => {
      const error = await refusal(() => attach(method, { id: TERWAY.id, secret: 'not-the-secret' }, WORKER));
      return error.code === 'IncompleteSignature' ? undefined : `${error.name} ${error.code} ${error.message}`;
    });
  }
}

main();
