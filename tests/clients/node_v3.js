// @alicloud/ecs20140526 (V3: ACS3-HMAC-SHA256) with keys.
'use strict';

const { ALICE, TERWAY, check } = require('./checks');
const { allowed, denied, detailed, refusedWith } = require('./v3');

const key = ({ id, secret }) => ({ accessKeyId: id, accessKeySecret: secret });

async function main() {
  await check('an allowed attach returns a RequestId', () => allowed(key(TERWAY)));
  await check('a denied attach throws ClientError Forbidden.SubUser', () => denied(key(ALICE)));
  await check('the error carries the AccessDeniedDetail', () => detailed(key(ALICE)));
  const wrong = key({ id: TERWAY.id, secret: 'not-the-secret' });
  await check('a wrong secret throws SignatureDoesNotMatch', () => refusedWith('SignatureDoesNotMatch', wrong));
}

main();
