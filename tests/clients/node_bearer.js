// @alicloud/ecs20140526 with a token in place of a key, over TLS. The trusted CA is the SDK's setting `ca`.
'use strict';

const { default: Credential, Config: CredentialConfig } = require('@alicloud/credentials');
const { WORKER, check, refusal, text } = require('./checks');
const { allowed, attach, denied, detailed, refusedWith } = require('./v3');

const token = (name) => text(`${name}.jwt`);
const ca = text('ca.pem');

// The client's own setting, and a credential object of type `bearer`, which programs can share between clients.
const ways = {
  setting: (name) => ({ bearerToken: token(name), ca }),
  credential: (name) => ({
    credential: new Credential(new CredentialConfig({ type: 'bearer', bearerToken: token(name) })),
    ca,
  }),
};

const bad = { expired: 'InvalidSecurityToken.Expired', forged: 'InvalidSecurityToken.Malformed' };

async function main() {
  for (const [way, how] of Object.entries(ways)) {
    const name = `bearer as a ${way}`;
    await check(`${name}: an allowed attach returns a RequestId`, () => allowed(how('terway')));
    await check(`${name}: a denied attach throws ClientError Forbidden.SubUser`, () => denied(how('alice')));
    await check(`${name}: the error carries the AccessDeniedDetail`, () => detailed(how('alice')));
    for (const [kind, code] of Object.entries(bad)) {
      await check(`${name}: an invalid token (${kind}) throws ${code}`, () => refusedWith(code, how(kind)));
    }
  }
  await check('a gateway whose CA is not trusted is not called', async () => {
    const error = await refusal(() => attach(WORKER, { bearerToken: token('terway') }));
    return /certificate/.test(error.message) ? undefined : `${error.name} ${error.message}`;
  });
}

main();
