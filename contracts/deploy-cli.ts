// `npm run deploy -- --config deployment.config.json --out deployment.json [--dry-run | --verify]`: puts the contracts on a chain.
// Used by operators. The chain and the deployer's key come from the same settings as the program's: CHAIN_RPC_URL,
// CHAIN_KEYSTORE with CHAIN_KEYSTORE_PASSWORD_FILE or CHAIN_SIGNER_URL with CHAIN_SIGNER_TOKEN_FILE, CHAIN_MAX_FEE_GWEI; never
// from an argument. --dry-run says what would be done and what it costs, and sends nothing; --verify compares code, constructor
// arguments and roles on chain with the file. A run that died is run again: it goes on. Exit 0 done, 1 wrong, 2 misused.
import { parseArgs } from 'node:util';
import { formatEther } from 'ethers';
import { ChainFault } from './client/chain.ts';
import { chooseSigner, refuseSecretsIn } from './client/choose-signer.ts';
import { jsonRpc } from './client/json-rpc.ts';
import { checkChainId, type DeployOptions, deploy, planDeployment } from './deployment/deploy.ts';
import { readDeploymentConfig } from './deployment/deployment-config.ts';
import { readDeploymentFile } from './deployment/deployment-file.ts';
import { isTrue, verifyDeployment } from './deployment/verify-deployment.ts';

const USAGE =
  'usage: npm run deploy -- --config <file> --out <deployment file> [--dry-run] [--from-block <number>]\n' +
  '       npm run deploy -- --verify --out <deployment file>';
const MAX_FEE_GWEI = '100';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const complain = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      out: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      'from-block': { type: 'string', default: '0' },
    },
  });
  const { env } = process;
  refuseSecretsIn(env);
  const rpcUrl = env.CHAIN_RPC_URL || undefined;
  if (values.out === undefined || rpcUrl === undefined || (values.config === undefined && !values.verify)) {
    complain(rpcUrl === undefined ? `CHAIN_RPC_URL: where the chain is\n${USAGE}` : USAGE);
    return 2;
  }
  const rpc = jsonRpc(rpcUrl);
  if (values.verify) return verify(rpc, values.out);

  const config = await readDeploymentConfig(values.config ?? '');
  await checkChainId(rpc, config.chainId);
  const signer = await chooseSigner({
    keystore: env.CHAIN_KEYSTORE || undefined,
    keystorePasswordFile: env.CHAIN_KEYSTORE_PASSWORD_FILE || undefined,
    signerUrl: env.CHAIN_SIGNER_URL || undefined,
    signerTokenFile: env.CHAIN_SIGNER_TOKEN_FILE || undefined,
  });
  if (signer === null) {
    complain('CHAIN_KEYSTORE or CHAIN_SIGNER_URL: the key that deploys; it holds no role afterwards');
    return 2;
  }
  const options: DeployOptions = {
    rpc,
    signer,
    config,
    file: values.out,
    maxFeePerGas: BigInt(env.CHAIN_MAX_FEE_GWEI || MAX_FEE_GWEI) * 10n ** 9n,
    fromBlock: BigInt(values['from-block']),
    say,
  };
  const plan = await planDeployment(options);
  say(`Chain ${config.chainId} through ${rpc.host}, deployer ${signer.address}`);
  for (const { step, address, gas } of plan.steps)
    say(`  ${step.padEnd(9)} ${address}  ${gas === null ? 'stands already' : `${gas} gas`}`);
  say(
    `  at most ${formatEther(plan.costWei)} of the chain's coin now; the deployer has ${formatEther(plan.gasMoneyWei)}`,
  );
  if (values['dry-run']) {
    say('Dry run: nothing was sent.');
    return 0;
  }
  if (plan.gasMoneyWei < plan.costWei) {
    complain(`${signer.address} has too little to pay for gas`);
    return 1;
  }
  await deploy(options);
  say(`Written to ${values.out}: set CHAIN_DEPLOYMENT to it. Comparing what stands on chain:`);
  return verify(rpc, values.out);
}

async function verify(rpc: ReturnType<typeof jsonRpc>, path: string): Promise<number> {
  const file = await readDeploymentFile(path);
  if (file === undefined) {
    complain(`there is no file ${path}`);
    return 2;
  }
  await checkChainId(rpc, file.config.chainId);
  const findings = await verifyDeployment(rpc, file);
  for (const finding of findings)
    say(
      isTrue(finding)
        ? `  ok     ${finding.what}: ${finding.found}`
        : `  WRONG  ${finding.what}: ${finding.found || 'none'}, should be ${finding.wanted}`,
    );
  const wrong = findings.filter((finding) => !isTrue(finding)).length;
  say(
    wrong === 0
      ? `All ${findings.length} are as they should be.`
      : `${wrong} of ${findings.length} are wrong.`,
  );
  return wrong === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const misused = error instanceof TypeError && 'code' in error;
  if (!(error instanceof ChainFault) && !misused) throw error;
  complain(error.message);
  process.exitCode = misused ? 2 : 1;
}
