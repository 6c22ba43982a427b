// Choosing a device for training where one exists (software Vulkan): it is tried with a step of training, and weighed.
import { describe, expect, it } from 'vitest';
import { chooseTrainDevice } from '../../../engine/train/choose-train-device.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { softwareVulkanEnvironment } from '../serve/software-vulkan.ts';
import { tinyConfig } from '../serve/tiny-llama.ts';

const environment = softwareVulkanEnvironment(temporaryFolder());
const options = { environment, mayExist: () => true };

describe.skipIf(environment === undefined)('a device for training', { timeout: 300_000 }, () => {
  it('that is named is taken after a step whose gradients are right', async () => {
    expect(await chooseTrainDevice('webgpu', tinyConfig, options)).toMatchObject({
      device: 'webgpu',
      reason: expect.stringMatching(/^ENGINE_DEVICE=webgpu; webgpu takes [\d.]+ ms/),
    });
  });

  it('that is named and missing is an error that says what is missing', async () => {
    await expect(chooseTrainDevice('cuda', tinyConfig, options)).rejects.toMatchObject({
      code: 'device_unavailable',
      message: expect.stringContaining('onnxruntime_providers_cuda'),
    });
  });
});
