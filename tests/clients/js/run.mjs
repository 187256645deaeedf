// node run.mjs NAME: run the scenario of this name against the servers in the environment.

import './connecting.mjs';
import './rooms.mjs';
import './expiry.mjs';
import './recovery.mjs';
import { leave, scenarios } from './support.mjs';

const run = scenarios.get(process.argv[2]);
if (!run) throw new Error(`no scenario is called ${process.argv[2]}`);
process.on('unhandledRejection', (error) => {
  console.error('unhandled:', error);
  process.exit(1);
});
try {
  await run();
} catch (error) {
  console.error(error);
  process.exit(1);
}
leave();
process.exit(0);
