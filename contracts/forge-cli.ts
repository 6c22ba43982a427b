/**
 * `node contracts/forge-cli.ts [arguments of forge]`: runs the Solidity tests (`forge test` unless told otherwise) with the
 * solc of npm, offline. Exit code: forge's; 3 where npm has no forge for this platform and there is none on the PATH.
 */
import { findForge, NO_FORGE, runForge } from './compiler/run-forge.ts';

const EXIT_NO_FORGE = 3;

if (findForge() === undefined) {
  console.error(NO_FORGE);
  process.exitCode = EXIT_NO_FORGE;
} else {
  const given = process.argv.slice(2);
  const { exitCode, output } = await runForge(given.length > 0 ? given : ['test']);
  process.stdout.write(output);
  process.exitCode = exitCode;
}
