// A Vulkan driver that needs no GPU and no root: SwiftShader, out of the package @sparticuz/chromium. Used by the
// *.gpu.test.ts files, before the first session on webgpu is made. Slow, so good for equality and for nothing else.
// GPU_TESTS=real leaves it out and uses the machine's own driver.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { InferenceSession } from 'onnxruntime-node';
import { buildZerosGraph } from '../../../engine/graph/device-copy-graphs.ts';

const kept: InferenceSession[] = [];

/** glibc's and musl's number; Node has no name for it. */
const RTLD_NODELETE = 0x1000;

/** Environment under which a child process finds the driver; undefined, with the reason printed, where there is none. */
export function softwareVulkanEnvironment(folder: string): Record<string, string> | undefined {
  if (process.env.GPU_TESTS === 'real') return {};
  const skip = (reason: string): undefined => {
    console.log(`skipped: no software Vulkan here (${reason})`);
    return undefined;
  };
  if (process.platform !== 'linux' || process.arch !== 'x64') return skip('its build is for linux x64');
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const archive = join(packageFolder(entry), 'bin/swiftshader.tar.br');
  if (!existsSync(archive)) return skip(`${archive} is missing`);
  for (const { name, bytes } of tarFiles(brotliDecompressSync(readFileSync(archive)))) {
    writeFileSync(join(folder, basename(name)), bytes);
  }
  return { LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json') };
}

/**
 * Makes the driver known to this process and tries it. The loader library is opened by its path and kept: later asked
 * for by its bare name, the system hands out what is open already, so LD_LIBRARY_PATH is not needed.
 */
export async function useSoftwareVulkan(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'software-vulkan-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const environment = softwareVulkanEnvironment(folder);
  if (environment === undefined) return false;
  Object.assign(process.env, {
    VK_ICD_FILENAMES: environment.VK_ICD_FILENAMES ?? process.env.VK_ICD_FILENAMES,
  });
  if (environment.LD_LIBRARY_PATH !== undefined) {
    try {
      const flags = constants.dlopen.RTLD_NOW | RTLD_NODELETE;
      process.dlopen({ exports: {} }, join(folder, 'libvulkan.so.1'), flags);
    } catch {
      // It is no Node addon and Node says so; it is loaded all the same.
    }
  }
  try {
    // Kept: the device lives while a session does, and with it the shaders, whose compiling is most of a test's time.
    kept.push(await InferenceSession.create(buildZerosGraph(), { executionProviders: ['webgpu'] }));
    return true;
  } catch (error) {
    console.log(`skipped: webgpu did not start: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

function packageFolder(entry: string): string {
  let folder = dirname(entry);
  while (!existsSync(join(folder, 'package.json')) || basename(folder) !== 'chromium')
    folder = dirname(folder);
  return folder;
}

/** Plain files of a tar archive: 512-byte headers, name at 0, octal size at 124, kind at 156. */
function* tarFiles(archive: Buffer): Generator<{ readonly name: string; readonly bytes: Buffer }> {
  const text = (start: number, length: number): string =>
    archive.toString('utf8', start, start + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const start = at + 512;
    if (['', '0'].includes(text(at + 156, 1))) {
      yield { name: text(at, 100), bytes: archive.subarray(start, start + size) };
    }
    at = start + Math.ceil(size / 512) * 512;
  }
}
