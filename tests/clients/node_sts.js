// Keys issued by the gateway, through its credentials URI and through AssumeRoleWithOIDC, in both generations of SDKs.
'use strict';

const { default: Credential, Config: CredentialConfig } = require('@alicloud/credentials');
const { RPCClient } = require('@alicloud/pop-core');
const {
  ENI, PRODUCTION, REGION, URL: endpoint, WORKER, check, credentialsUri, isRequestId, refusal,
} = require('./checks');
const { allowed, attach, denied, detailed } = require('./v3');
const { join } = require('path');

const host = endpoint.split('://')[1];

// The SDK reads the address from the environment, without a setting in the program.
function byEnvironment() {
  process.env.ALIBABA_CLOUD_CREDENTIALS_URI = credentialsUri();
  process.env.ALIBABA_CLOUD_ECS_METADATA_DISABLED = 'true';
  process.env.ALIBABA_CLOUD_CLI_PROFILE_DISABLED = 'true';
  return new Credential();
}

const byUri = () =>
  new Credential(new CredentialConfig({ type: 'credentials_uri', credentialsURI: credentialsUri() }));

const byOidc = (token, more) =>
  new Credential(
    new CredentialConfig({
      type: 'oidc_role_arn',
      roleArn: 'acs:ram::1234567890123456:role/terway',
      oidcProviderArn: 'acs:ram::1234567890123456:oidc-provider/cluster',
      roleSessionName: 'node-1',
      oidcTokenFilePath: join(process.env.GATEWAY_FOLDER, `${token}.jwt`),
      stsEndpoint: host,
      ...more,
    }),
  );

// The old SDK, which signs V1, with a key that the new SDK obtained.
async function old(credential, instance) {
  const key = await credential.getCredential();
  const client = new RPCClient({
    accessKeyId: key.accessKeyId,
    accessKeySecret: key.accessKeySecret,
    securityToken: key.securityToken,
    endpoint,
    apiVersion: '2014-05-26',
  });
  const parameters = { RegionId: REGION, NetworkInterfaceId: ENI, InstanceId: instance };
  return client.request('AttachNetworkInterface', parameters, { method: 'POST' });
}

async function noKey(code, token) {
  const error = await refusal(() => byOidc(token).getCredential());
  return `${error.message} ${error.code}`.includes(code) ? undefined : `${error.name} ${error.message}`;
}

async function main() {
  const ways = { environment: byEnvironment(), uri: byUri(), oidc: byOidc('terway') };
  for (const [name, credential] of Object.entries(ways)) {
    await check(`${name}: an allowed attach (V3) returns a RequestId`, () => allowed({ credential }));
    await check(`${name}: an allowed attach (V1) returns a RequestId`, async () => {
      const answer = await old(credential, WORKER);
      return isRequestId(answer.RequestId) ? undefined : JSON.stringify(answer);
    });
  }
  await check('a denied attach (V3) throws ClientError Forbidden.SubUser', () => denied({ credential: ways.oidc }));
  await check('a denied attach (V1) rejects with Forbidden.SubUser', async () => {
    const error = await refusal(() => old(ways.uri, PRODUCTION));
    return error.code === 'Forbidden.SubUser' ? undefined : `${error.name} ${error.code} ${error.message}`;
  });
  await check('the error carries the AccessDeniedDetail', () => detailed({ credential: ways.uri }));
  await check('a session policy narrows what the key may do', async () => {
    const statement = { Effect: 'Deny', Action: '*', Resource: '*' };
    const policy = JSON.stringify({ Version: '1', Statement: [statement] });
    const error = await refusal(() => attach(WORKER, { credential: byOidc('terway', { policy }) }));
    const detail = error.accessDeniedDetail;
    return detail && detail.PolicyType === 'SessionPolicy' ? undefined : `${error.name} ${error.message}`;
  });
  await check("a token of another subject gets no key", () => noKey('AuthenticationFail.NoPermission', 'alice'));
}

main();
