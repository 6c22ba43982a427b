// What a person may write into the configuration of a deployment, and what the message says when it is wrong.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDeploymentConfig } from '../../../contracts/deployment/deployment-config.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const example = join(import.meta.dirname, '../../../contracts/deployment/example.config.json');
const path = join(temporaryFolder(), 'config.json');
const good = JSON.parse(readFileSync(example, 'utf8'));

describe('the configuration of a deployment', () => {
  it('is read from the example: amounts in OPEN become wei, addresses lowercase', async () => {
    expect(await readDeploymentConfig(example)).toMatchObject({
      chainId: 11_155_111n,
      growthCapWei: 10n ** 24n,
      postingDelaySeconds: 86_400n,
      executors: [`0x${'0'.repeat(40)}`],
    });
    writeFileSync(
      path,
      JSON.stringify({
        ...good,
        poster: '0xF39FD6E51AAD88F6F4CE6AB8827279CFFFB92266',
        growthCapOpen: '0.000000001',
      }),
    );
    expect(await readDeploymentConfig(path)).toMatchObject({
      poster: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
      growthCapWei: 10n ** 9n,
    });
  });

  it.each([
    ['not JSON', 'this is no JSON'],
    [{ ...good, vetoer: undefined }, 'vetoer: Required'],
    [{ ...good, poster: '0x123' }, 'poster: an address: 0x and 40 hexadecimal digits'],
    [{ ...good, poster: `0x${'0'.repeat(40)}` }, 'poster: an address other than zero'],
    [{ ...good, treasury: '0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266' }, 'treasury: an address'],
    [{ ...good, proposers: [] }, 'proposers: at least one address'],
    [{ ...good, growthCapOpen: 1000 }, 'growthCapOpen: '],
    [
      { ...good, growthCapOpen: '0.0000000001' },
      'growthCapOpen: an amount of OPEN with at most nine decimals',
    ],
    [{ ...good, postingDelaySeconds: -1 }, 'postingDelaySeconds: '],
    [{ ...good, privateKey: '0x1' }, 'Unrecognized key'],
  ])('is refused with what is wrong: %#', async (content, message) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    await expect(readDeploymentConfig(path)).rejects.toThrow(message);
  });

  it('is refused when there is none', async () => {
    await expect(readDeploymentConfig('/nowhere/config.json')).rejects.toThrow(
      '/nowhere/config.json: there is no such file',
    );
  });
});
