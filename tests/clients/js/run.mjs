// node run.mjs NAME…: run the scenarios of these names, one after another, against the servers in
// the environment. Tells of each that fails.

import './connecting.mjs';
import './rooms.mjs';
import './expiry.mjs';
import './recovery.mjs';
import './proxies.mjs';
import './deltas.mjs';
import { leave, scenarios } from './support.mjs';

process.on('unhandledRejection', (error) => {
  console.error('unhandled:', error);
  process.exit(1);
});
let failed = 0;
for (const name of process.argv.slice(2)) {
  const run = scenarios.get(name);
  if (!run) throw new Error(`no scenario is called ${name}`);
  try {
    await run();
  } catch (error) {
    failed = 1;
    console.error(`${name}:`, error);
  }
  leave();
}
process.exit(failed);
