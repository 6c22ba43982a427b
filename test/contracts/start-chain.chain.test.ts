// A chain by settings, and the deployment by its command: a wrong setting is named, a secret in the environment refused, an RPC that
// is away for the moment waited for. The "real" chain is an anvil that knows nothing of this program.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encryptKeystoreJson, id } from 'ethers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DigestSigner } from '../../contracts/client/chain.ts';
import { refuseSecretsIn } from '../../contracts/client/choose-signer.ts';
import { deploy } from '../../contracts/deployment/deploy.ts';
import type { DeploymentFile } from '../../contracts/deployment/deployment-file.ts';
import { writeDeploymentFile } from '../../contracts/deployment/deployment-file.ts';
import { findAnvil, NO_ANVIL } from '../../contracts/local/anvil-process.ts';
import { type ChainSettings, startChain } from '../../contracts/start-chain.ts';
import {
  type BareAnvil,
  bareAnvil,
  nobody,
  TEST_CHAIN_ID,
  TEST_MAX_FEE,
  testConfig,
} from '../support/bare-anvil.ts';
import { rememberingLog } from '../support/quiet-log.ts';
import { type RpcProxy, rpcProxy } from '../support/rpc-proxy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let anvil: BareAnvil;
let proxy: RpcProxy;
let file: DeploymentFile;
let poster: Keys;
const deployment = join(folder, 'deployment.json');

interface Keys {
  readonly signer: DigestSigner;
  readonly keystore: string;
  readonly keystorePasswordFile: string;
}

async function keys(name: string): Promise<Keys> {
  const { signer, privateKey } = await anvil.richKey();
  const keystore = join(folder, `${name}.json`);
  const keystorePasswordFile = join(folder, `${name}.password`);
  const json = await encryptKeystoreJson({ address: signer.address, privateKey }, name, {
    scrypt: { N: 1024 },
  });
  writeFileSync(keystore, json, { mode: 0o600 });
  writeFileSync(keystorePasswordFile, name, { mode: 0o600 });
  return { signer, keystore, keystorePasswordFile };
}

beforeAll(async () => {
  if (findAnvil() === undefined) return;
  anvil = await bareAnvil(folder);
  proxy = await rpcProxy(anvil.url);
  poster = await keys('poster');
  const { signer } = await anvil.richKey();
  const config = testConfig(nobody('operator'), poster.signer.address);
  file = await deploy({
    rpc: anvil.rpc,
    signer,
    config,
    file: deployment,
    maxFeePerGas: TEST_MAX_FEE,
    say: () => undefined,
    pollMs: 1,
  });
});
afterAll(async () => {
  await proxy?.close();
  await anvil?.stop();
});
beforeEach(({ skip }) => skip(findAnvil() === undefined, NO_ANVIL));

async function start(settings: Partial<ChainSettings>, environment: Record<string, string> = {}) {
  const said: string[] = [];
  const log = rememberingLog();
  const started = await startChain({
    dataDir: join(folder, 'unused'),
    settings: {
      finality: 'finalized',
      maxFeeGwei: 1_000,
      port: 0,
      rpcUrl: proxy.url,
      deployment,
      ...settings,
    },
    environment,
    log,
    say: (line) => said.push(line),
    recheckMs: 20,
  });
  return { ...started, said, log };
}

describe('a chain by settings', () => {
  it('is connected with the poster of the keystore, and starts nothing on this machine', async () => {
    const { chain, stop, said } = await start(poster);
    expect(chain).toMatchObject({
      chainId: TEST_CHAIN_ID,
      isLocal: false,
      faucet: null,
      rpcUrlForWallets: '',
    });
    expect(chain?.addresses.vault).toBe(file.steps.vault?.address);
    expect(chain?.firstBlock).toBe(file.steps.vault?.block);
    expect(chain?.poster?.address).toBe(poster.signer.address);
    expect(await chain?.vault()).toMatchObject({ lastEpoch: 0n });
    expect(said).toEqual([
      `Connected to chain ${TEST_CHAIN_ID} through ${new URL(proxy.url).host}, vault ${chain?.addresses.vault}`,
    ]);
    expect(existsSync(join(folder, 'unused'))).toBe(false);
    await stop();
  });

  it('posts nothing without a key, and says so', async () => {
    const { chain, stop, said } = await start({ walletRpcUrl: 'https://rpc.example' });
    expect(chain?.poster).toBeNull();
    expect(chain?.rpcUrlForWallets).toBe('https://rpc.example');
    expect(said[0]).toMatch(/^No poster key is configured: epochs are published, but not posted/);
    await stop();
  });

  it('waits for an RPC that is away, checks when it is back, and says what is wrong then', async () => {
    const foreign = join(folder, 'foreign-later.json');
    await writeDeploymentFile(foreign, { ...file, config: { ...file.config, chainId: 5n } });
    proxy.mode = 'gone';
    const right = await start(poster);
    const wrong = await start({ ...poster, deployment: foreign });
    proxy.mode = 'pass';
    const away = 'The chain cannot be reached now: deposits, claims and epochs wait until it answers';
    for (const { said } of [right, wrong]) expect(said[0]).toBe(away);
    expect(await right.chain?.vault()).toMatchObject({ lastEpoch: 0n });
    await expect.poll(() => right.log.lines.join()).toContain('its deployment is in order');
    await expect
      .poll(() => wrong.said.join())
      .toMatch(
        /The chain is not as configured: CHAIN_RPC_URL: .* is chain 813731999, the deployment is for chain 5/,
      );
    expect(right.said).toHaveLength(2);
    await right.stop();
    await wrong.stop();
  }, 30_000);

  it('is refused with the name of the setting that is wrong', async () => {
    const stranger = await keys('stranger');
    const change = (name: string, changed: object) => {
      const path = join(folder, name);
      writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(deployment, 'utf8')), ...changed }));
      return path;
    };
    const half = change('half.json', { registry: null });
    const foreign = join(folder, 'foreign.json');
    await writeDeploymentFile(foreign, { ...file, config: { ...file.config, chainId: 5n } });
    const elsewhere = change('elsewhere.json', { registry: nobody('nothing here') });
    const crossed = change('crossed.json', { registry: file.steps.open?.address });
    const cases: readonly (readonly [Partial<ChainSettings>, RegExp])[] = [
      [{ rpcUrl: 'nonsense' }, /^CHAIN_RPC_URL: an address like/],
      [{ deployment: undefined }, /^CHAIN_DEPLOYMENT: the file that the deployment/],
      [{ deployment: join(folder, 'nowhere.json') }, /^CHAIN_DEPLOYMENT: there is no file/],
      [{ deployment: poster.keystore }, /^CHAIN_DEPLOYMENT: .* is no deployment file/],
      [{ deployment: half }, /^CHAIN_DEPLOYMENT: .* was not finished/],
      [{ deployment: foreign }, /^CHAIN_RPC_URL: .* is chain 813731999, the deployment is for chain 5/],
      [{ deployment: elsewhere }, /^CHAIN_DEPLOYMENT: there is no contract at 0x.* \(registry\)/],
      [{ deployment: crossed }, /^CHAIN_DEPLOYMENT: the vault's registry is 0x/],
      [{ finality: 'soon' }, /^CHAIN_FINALITY: /],
      [{ keystore: poster.keystore }, /^CHAIN_KEYSTORE_PASSWORD_FILE: /],
      [{ ...poster, signerUrl: 'https://kms.example' }, /^CHAIN_KEYSTORE and CHAIN_SIGNER_URL: /],
      [{ signerUrl: 'https://kms.example' }, /^CHAIN_SIGNER_TOKEN_FILE: /],
      [
        { signerUrl: 'http://kms.example', signerTokenFile: poster.keystorePasswordFile },
        /^CHAIN_SIGNER_URL: https/,
      ],
      [stranger, /^CHAIN_KEYSTORE or CHAIN_SIGNER_URL: 0x[0-9a-f]{40} may not post epochs/],
      [
        { ...poster, keystorePasswordFile: stranger.keystorePasswordFile },
        /^the password does not open the keystore/,
      ],
    ];
    for (const [settings, message] of cases) await expect(start(settings)).rejects.toThrow(message);
  });

  it.each([
    ['CHAIN_PRIVATE_KEY', '1'],
    ['CHAIN_KEYSTORE_PASSWORD', 'hunter2'],
    ['CHAIN_SIGNER_TOKEN', 'abc'],
    ['CHAIN_MNEMONIC', 'words'],
    ['CHAIN_POSTER', id('any key')],
    ['CHAIN_POSTER', id('any key').slice(2)],
    ['CHAIN_WORDS', 'test test test test test test test test test test test junk'],
  ])('is refused while %s stands in the environment, without showing it', (name, value) => {
    const refuse = () => refuseSecretsIn({ PATH: '/bin', [name]: value });
    expect(refuse).toThrow(new RegExp(`^${name} holds a secret`));
    expect(refuse).not.toThrow(value.length > 8 ? value : 'hunter2');
  });

  it('takes every setting that names a file or an address', () => {
    const environment = {
      CHAIN_RPC_URL: 'https://x/v3/0123456789abcdef',
      CHAIN_KEYSTORE: '/k.json',
      CHAIN_KEYSTORE_PASSWORD_FILE: '/p',
      CHAIN_SIGNER_URL: 'https://k',
      CHAIN_SIGNER_TOKEN_FILE: '/t',
      CHAIN_DEPLOYMENT: '/d',
      CHAIN_FINALITY: 'finalized',
      CHAIN_MAX_FEE_GWEI: '100',
      CHAIN_PORT: '8545',
      CHAIN_WALLET_RPC_URL: 'https://r',
      CHAIN_KEYSTORE_PASSWORD: '',
      GITHUB_TOKEN: 'x',
    };
    expect(() => refuseSecretsIn(environment)).not.toThrow();
  });

  it('refuses secrets in the environment of a real chain only', async () => {
    await expect(start(poster, { CHAIN_PRIVATE_KEY: '0x1' })).rejects.toMatchObject({
      code: 'chain_setting',
    });
  });
});

describe('npm run deploy', () => {
  const cli = fileURLToPath(new URL('../../contracts/deploy-cli.ts', import.meta.url));
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      const environment = {
        PATH: process.env.PATH,
        CHAIN_RPC_URL: anvil.url,
        CHAIN_MAX_FEE_GWEI: '1000',
        ...env,
      };
      execFile(process.execPath, [cli, ...args], { env: environment }, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
      );
    });

  it('tries, deploys and compares; a second run finds everything standing', async () => {
    const deployer = await keys('deployer');
    const key = {
      CHAIN_KEYSTORE: deployer.keystore,
      CHAIN_KEYSTORE_PASSWORD_FILE: deployer.keystorePasswordFile,
    };
    const config = join(folder, 'config.json');
    const out = join(folder, 'by-cli.json');
    const role = nobody('a role');
    const content = {
      chainId: Number(TEST_CHAIN_ID),
      treasury: role,
      poster: role,
      pauser: role,
      vetoer: role,
      proposers: [role],
      executors: [role],
      timelockDelaySeconds: 3600,
      postingDelaySeconds: 3600,
      growthCapOpen: '1000000.5',
    };
    writeFileSync(config, JSON.stringify(content));
    const dry = await run(['--config', config, '--out', out, '--dry-run'], key);
    expect(dry.code, dry.out).toBe(0);
    expect(dry.out).toMatch(/Dry run: nothing was sent\.\n$/);
    expect(existsSync(out)).toBe(false);
    const real = await run(['--config', config, '--out', out], key);
    expect(real.code, real.out).toBe(0);
    expect(real.out).toMatch(/All \d+ are as they should be\.\n$/);
    expect(real.out).toContain('growth cap in wei: 1000000500000000000000000');
    const again = await run(['--config', config, '--out', out], key);
    expect(again.out.match(/stands already/g)).toHaveLength(3);
    writeFileSync(out, readFileSync(out, 'utf8').replaceAll(role, nobody('another')));
    const compared = await run(['--verify', '--out', out]);
    expect(compared.code).toBe(1);
    expect(compared.out).toContain(
      `WRONG  vault: holders of POSTER_ROLE: ${role}, should be ${nobody('another')}`,
    );
    const secret = await run(['--config', config, '--out', out], { ...key, CHAIN_PRIVATE_KEY: '0x1' });
    expect(secret).toMatchObject({
      code: 1,
      out: expect.stringContaining('CHAIN_PRIVATE_KEY holds a secret'),
    });
    writeFileSync(config, JSON.stringify({ ...content, vetoer: '0x12' }));
    const wrong = await run(['--config', config, '--out', out], key);
    expect(wrong).toMatchObject({
      code: 1,
      out: expect.stringContaining('vetoer: an address: 0x and 40 hexadecimal digits'),
    });
    expect(await run([])).toMatchObject({ code: 2, out: expect.stringContaining('usage: npm run deploy') });
    expect(await run(['--private-key', '0x1'])).toMatchObject({ code: 2 });
  }, 60_000);
});
