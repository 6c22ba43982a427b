// Decides what the engine computes on. Used by whoever starts the serving worker (ENGINE_DEVICE), and for training by
// choose-train-device.ts. It knows no models.
// A named device is used or the start fails; `auto` takes a GPU that works and is clearly faster than the CPU. The order
// is webgpu before cuda: in onnxruntime-node 1.30 only webgpu keeps cache and adapter rows on the device. On cuda tensors
// of the caller live in host memory, and its attention kernel takes halves only, so attention and the cache stay on the
// CPU and the products of large matrices alone go to the GPU.
// Speed decides, not names: a software rasteriser poses as a GPU under many names, and is slower than the CPU it runs on.
import { existsSync } from 'node:fs';
import { EngineError } from '../errors.ts';
import { type ProbeResult, probeDevice } from './probe-device.ts';

export const deviceWishes = ['auto', 'cpu', 'webgpu', 'cuda'] as const;
export type DeviceWish = (typeof deviceWishes)[number];

export interface DeviceChoice {
  readonly device: 'cpu' | 'webgpu' | 'cuda';
  /** For the log: why this one, and why no other. */
  readonly reason: string;
}

interface ChooseDeviceOptions {
  readonly probe?: (device: 'webgpu' | 'cuda') => Promise<ProbeResult>;
  /** Whether trying is worth a process; see gpuMayExist. */
  readonly mayExist?: () => boolean;
}

/** With less, the device is not worth its risks. */
const speedupMin = 1.5;

/** @throws EngineError `device_unavailable` when a device was named and cannot be used */
export async function chooseDevice(
  wish: DeviceWish,
  { probe = probeDevice, mayExist = gpuMayExist }: ChooseDeviceOptions = {},
): Promise<DeviceChoice> {
  if (wish === 'cpu') return { device: 'cpu', reason: 'ENGINE_DEVICE=cpu' };
  if (wish === 'webgpu' || wish === 'cuda') {
    const result = await probe(wish);
    if (result.works) return { device: wish, reason: `ENGINE_DEVICE=${wish}; ${figures(wish, result)}` };
    const message = `ENGINE_DEVICE=${wish}, but ${wish} cannot be used: ${result.reason}. Use ENGINE_DEVICE=auto or cpu to go on without it.`;
    throw new EngineError(message, { code: 'device_unavailable', retry: 'never' });
  }
  if (!mayExist()) return { device: 'cpu', reason: 'auto: this machine shows no graphics device' };
  const refusals: string[] = [];
  for (const device of ['webgpu', 'cuda'] as const) {
    const result = await probe(device);
    if (result.works && result.cpuMs >= speedupMin * result.deviceMs) {
      return { device, reason: ['auto', ...refusals, figures(device, result)].join('; ') };
    }
    refusals.push(
      result.works ? `${figures(device, result)}: not worth it` : `no ${device}: ${result.reason}`,
    );
  }
  return { device: 'cpu', reason: ['auto', ...refusals].join('; ') };
}

/** On Linux a GPU shows as a device file, or its driver is named in the environment; elsewhere one has to try. */
function gpuMayExist(): boolean {
  if (process.platform !== 'linux') return true;
  if (process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return true;
  return ['/dev/dri', '/dev/nvidia0', '/dev/dxg'].some((path) => existsSync(path));
}

function figures(device: string, { deviceMs, cpuMs }: { deviceMs: number; cpuMs: number }): string {
  return `${device} takes ${deviceMs.toFixed(1)} ms where one CPU session takes ${cpuMs.toFixed(1)} ms`;
}
