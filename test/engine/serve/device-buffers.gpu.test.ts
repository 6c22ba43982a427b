// Buffers on a device: made, viewed, copied, read and written in blocks, in place.
import { afterAll, describe, expect, it } from 'vitest';
import { createDeviceBuffers, deviceView } from '../../../engine/serve/device-buffers.ts';
import { useSoftwareVulkan } from './software-vulkan.ts';

const usable = await useSoftwareVulkan();

describe.skipIf(!usable)('buffers on webgpu', () => {
  const buffers = createDeviceBuffers('webgpu');
  afterAll(() => buffers.release());
  const count = (from: number, length: number) => Float32Array.from({ length }, (_, at) => from + at);

  it('starts as zeros and reads back the 2 of 5 blocks that were written, in the order asked for', async () => {
    const buffer = await buffers.zeros([5, 3]);
    await buffers.write([buffer], [4, 1], [count(1, 6)]);
    const [all] = await buffers.read([buffer], [0, 1, 2, 3, 4]);
    expect([...all]).toEqual([0, 0, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
    const [some] = await buffers.read([buffer], [4, 0]);
    expect([...some]).toEqual([1, 2, 3, 0, 0, 0]);
  });

  it('a view of the first elements under another shape shares the memory, for reading and for writing', async () => {
    const buffer = await buffers.zeros([4, 6]);
    await buffers.write([buffer], [0, 1, 2, 3], [count(0, 24)]);
    const view = deviceView(buffer, [5, 2]);
    expect([...(await buffers.read([view], [4]))[0]]).toEqual([8, 9]);
    await buffers.write([view], [4], [Float32Array.of(-8, -9)]);
    expect([...(await buffers.read([buffer], [1]))[0]]).toEqual([6, 7, -8, -9, 10, 11]);
  });

  it('copies blocks within a buffer and between buffers of different widths at once, and nothing else changes', async () => {
    const narrow = await buffers.zeros([4, 2]);
    const wide = await buffers.zeros([4, 3]);
    await buffers.write([narrow, wide], [0, 1, 2, 3], [count(0, 8), count(100, 12)]);
    await buffers.copy([narrow, wide], [0, 1], [narrow, wide], [3, 2]);
    const [first, second] = await buffers.read([narrow, wide], [0, 1, 2, 3]);
    expect([...first]).toEqual([6, 7, 4, 5, 4, 5, 6, 7]);
    expect([...second]).toEqual([109, 110, 111, 106, 107, 108, 106, 107, 108, 109, 110, 111]);
  });

  it('refuses a block that a buffer does not have, and no block at all', async () => {
    const buffer = await buffers.zeros([2, 2]);
    await expect(buffers.read([buffer], [2])).rejects.toThrow('block 2 of 2');
    await expect(buffers.write([buffer], [-1], [count(0, 2)])).rejects.toThrow('block -1 of 2');
    await expect(buffers.copy([buffer], [], [buffer], [])).rejects.toThrow('no blocks');
  });
});
