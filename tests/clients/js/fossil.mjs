// node fossil.mjs: what the published client's codecs make of deltas. Reads a line of JSON for each,
// { source, delta } in base64, with `text` where both are texts; writes the target in base64.

import assert from 'node:assert/strict';
import readline from 'node:readline';

import { Centrifuge as Json } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';

const json = new Json('ws://nowhere.invalid')._codec;
const protobuf = new Protobuf('ws://nowhere.invalid')._codec;
assert.deepEqual([json.name(), protobuf.name()], ['json', 'protobuf']);

const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64'));

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { source, delta, text } = JSON.parse(line);
  const pub = { data: bytes(delta), delta: true };
  const target = protobuf.applyDeltaIfNeeded(pub, bytes(source)).newPrevValue;
  if (text) {
    pub.data = new TextDecoder('utf-8', { fatal: true }).decode(pub.data);
    const { newData, newPrevValue } = json.applyDeltaIfNeeded(pub, bytes(source));
    assert.deepEqual(newPrevValue, target);
    assert.deepEqual(newData, JSON.parse(Buffer.from(target).toString()));
  }
  console.log(Buffer.from(target).toString('base64'));
}
