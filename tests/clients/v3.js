// Code that the Node clients of signature V3 share: calls with @alicloud/ecs20140526.
'use strict';

const { default: Client, AttachNetworkInterfaceRequest } = require('@alicloud/ecs20140526');
const { $OpenApiUtil } = require('@alicloud/openapi-core');
const { DENIED_ON, ENI, PRODUCTION, REGION, URL: url, WORKER, isRequestId, refusal } = require('./checks');

const [protocol, endpoint] = url.split('://');

// Attaches the demo's ENI, with these client settings.
function attach(instance, settings) {
  const config = new $OpenApiUtil.Config({ endpoint, protocol, regionId: REGION, ...settings });
  const request = new AttachNetworkInterfaceRequest({
    regionId: REGION,
    networkInterfaceId: ENI,
    instanceId: instance,
  });
  return new Client(config).attachNetworkInterface(request);
}

exports.attach = attach;

exports.allowed = async (settings) => {
  const answer = await attach(WORKER, settings);
  return answer.statusCode === 200 && isRequestId(answer.body.requestId) ? undefined : JSON.stringify(answer);
};

exports.denied = async (settings) => {
  const error = await refusal(() => attach(PRODUCTION, settings));
  const good = error.name === 'ClientError' && error.statusCode === 403 && error.code === 'Forbidden.SubUser';
  return good && isRequestId(error.requestId) ? undefined : `${error.name} ${error.statusCode} ${error.code}`;
};

exports.detailed = async (settings) => {
  const detail = (await refusal(() => attach(PRODUCTION, settings))).accessDeniedDetail;
  const good = detail.NoPermissionType === 'ExplicitDeny' && detail.AuthResource === DENIED_ON;
  return good ? undefined : JSON.stringify(detail);
};

exports.refusedWith = async (code, settings) => {
  const error = await refusal(() => attach(WORKER, settings));
  return error.statusCode === 400 && error.code === code ? undefined : `${error.name} ${error.code} ${error.message}`;
};
