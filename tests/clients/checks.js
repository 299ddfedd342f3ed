// Code that the Node clients share: the gateway's address, the demo's keys and ids, and the output of checks.
'use strict';

const { readFileSync } = require('fs');
const { join } = require('path');

const REGION = 'cn-hangzhou';
const PRODUCTION = 'i-bp1demoprod000000001';

exports.URL = process.env.GATEWAY_URL;
exports.TERWAY = { id: 'LTAI5tDemoTerway0000', secret: 'demo-secret-of-terway' };
exports.ALICE = { id: 'LTAI5tDemoAlice00000', secret: 'demo-secret-of-alice' };
exports.REGION = REGION;
exports.ENI = 'eni-bp1demopod0000000001';
exports.WORKER = 'i-bp1demoworker00000001';
exports.PRODUCTION = PRODUCTION;
exports.DENIED_ON = `acs:ecs:${REGION}:1234567890123456:instance/${PRODUCTION}`;

// The text of a file in the gateway's folder.
exports.text = (name) => readFileSync(join(process.env.GATEWAY_FOLDER, name), 'utf8');

// The credentials URI of the demo's role, from the output of the gateway's start.
exports.credentialsUri = () => /^credentials of role\/terway at (\S+)$/m.exec(exports.text('printed'))[1];

exports.isRequestId = (text) => /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.test(text || '');

// Runs a check, which resolves to a description of the problem, or to nothing. An exception is a failure too.
exports.check = async (name, problem) => {
  let wrong;
  try {
    wrong = await problem();
  } catch (error) {
    wrong = `${error.name}: ${error.message}`;
  }
  const label = `${process.env.CASE}: ${name}`;
  console.log(wrong ? `not ok ${label}: ${wrong}` : `ok ${label}`);
};

// The error of a call that must be refused.
exports.refusal = async (call) => {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    return error;
  }
  throw new Error(`the call succeeded: ${JSON.stringify(answer)}`);
};
