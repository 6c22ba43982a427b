// Which device the engine takes, from what trying them gave; and the trial itself where a device is missing.
import { describe, expect, it } from 'vitest';
import { chooseDevice } from '../../../engine/serve/choose-device.ts';
import { type ProbeResult, probeDevice } from '../../../engine/serve/probe-device.ts';

const missing: ProbeResult = { works: false, reason: 'not there' };
const fast: ProbeResult = { works: true, deviceMs: 2, cpuMs: 10 };
const slow: ProbeResult = { works: true, deviceMs: 500, cpuMs: 10 };

function choose(
  wish: 'auto' | 'cpu' | 'webgpu' | 'cuda',
  webgpu: ProbeResult,
  cuda: ProbeResult,
  mayExist = true,
) {
  const tried: string[] = [];
  const choice = chooseDevice(wish, {
    mayExist: () => mayExist,
    probe: async (device) => {
      tried.push(device);
      return { webgpu, cuda }[device];
    },
  });
  return choice.then((found) => ({ ...found, tried }));
}

describe('the choice of a device', () => {
  it('auto takes webgpu where it is faster than the CPU, without asking further', async () => {
    const { device, reason, tried } = await choose('auto', fast, fast);
    expect([device, tried]).toEqual(['webgpu', ['webgpu']]);
    expect(reason).toContain('2.0 ms where one CPU session takes 10.0 ms');
  });

  it('auto passes over a slow webgpu, such as a software rasteriser, for cuda, and says why', async () => {
    const { device, reason } = await choose('auto', slow, fast);
    expect(device).toBe('cuda');
    expect(reason).toContain('webgpu takes 500.0 ms where one CPU session takes 10.0 ms: not worth it');
  });

  it('auto ends on the CPU with both reasons when nothing is worth it', async () => {
    const { device, reason } = await choose('auto', slow, missing);
    expect(device).toBe('cpu');
    expect(reason).toContain('not worth it');
    expect(reason).toContain('no cuda: not there');
  });

  it('auto tries nothing where the machine shows no graphics device; cpu never tries', async () => {
    expect((await choose('auto', fast, fast, false)).tried).toEqual([]);
    expect(await choose('cpu', fast, fast)).toMatchObject({ device: 'cpu', tried: [] });
  });

  it('a named device is taken however slow, and refused with what is missing when it does not work', async () => {
    expect((await choose('webgpu', slow, missing)).device).toBe('webgpu');
    await expect(choose('webgpu', missing, fast)).rejects.toMatchObject({
      code: 'device_unavailable',
      retry: 'never',
      message: expect.stringContaining('not there'),
    });
  });
});

describe('trying a device', () => {
  it('names the missing provider file of cuda, or runs it', async () => {
    const result = await probeDevice('cuda');
    if (!result.works) expect(result.reason).toMatch(/libonnxruntime_providers_cuda\.so is missing|cuda/i);
    else expect(result.deviceMs).toBeGreaterThan(0);
  });

  it('without a driver the reason is the one sentence that helps', async () => {
    const nowhere = {
      VK_ICD_FILENAMES: '/nonexistent/driver.json',
      VK_DRIVER_FILES: '/nonexistent/driver.json',
    };
    const result = await probeDevice('webgpu', { environment: nowhere });
    if (process.platform === 'linux') expect(result).toMatchObject({ works: false });
    if (!result.works) expect(result.reason).toMatch(/^Failed to get a WebGPU adapter/);
  });

  it('a trial that takes longer than it may is ended, and this process goes on', async () => {
    const result = await probeDevice('webgpu', { timeoutMs: 1 });
    expect(result).toMatchObject({ works: false, reason: expect.stringContaining('SIGKILL within 1 ms') });
  });
});
