// Trying a device that exists: it computes rightly, its time is measured, and a driver that dies harms nobody.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseDevice } from '../../../engine/serve/choose-device.ts';
import { probeDevice } from '../../../engine/serve/probe-device.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { softwareVulkanEnvironment } from './software-vulkan.ts';

const folder = temporaryFolder();
const environment = softwareVulkanEnvironment(folder);

describe.skipIf(environment === undefined)('trying webgpu on software Vulkan', () => {
  it('works, with both times measured, so that auto can weigh them', async () => {
    const result = await probeDevice('webgpu', { environment });
    expect(result).toMatchObject({ works: true, deviceMs: expect.any(Number), cpuMs: expect.any(Number) });
    const choice = await chooseDevice('webgpu', { probe: async () => result });
    expect(choice).toMatchObject({
      device: 'webgpu',
      reason: expect.stringContaining('ENGINE_DEVICE=webgpu'),
    });
  });

  it('a driver that is no library is a reason, not a crash', async () => {
    const broken = join(folder, 'broken.json');
    writeFileSync(join(folder, 'broken.so'), 'not a library');
    const icd = { file_format_version: '1.0.0', ICD: { library_path: './broken.so', api_version: '1.0.5' } };
    writeFileSync(broken, JSON.stringify(icd));
    const result = await probeDevice('webgpu', { environment: { ...environment, VK_ICD_FILENAMES: broken } });
    expect(result).toMatchObject({ works: false, reason: expect.stringContaining('No supported adapters') });
  });
});
