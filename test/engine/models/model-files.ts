// The files of a small model as a hub would hold them. Used by the tests of pulling.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeTinyFolders } from '../serve/tiny-model-folder.ts';

/** All files of a folder by name. */
export function filesOf(folder: string): Map<string, Uint8Array> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
}

const readme = '---\nlicense: mit\n---\n# A tiny model\n';

/** A random model with the files around it that hubs have, some of them of no use here. */
export function tinyModelFiles(): Map<string, Uint8Array> {
  const folders = writeTinyFolders();
  try {
    const files = filesOf(folders.model);
    files.set('README.md', Buffer.from(readme));
    files.set('LICENSE', Buffer.from('MIT'));
    files.set('.gitattributes', Buffer.from('*.safetensors filter=lfs'));
    files.set('pytorch_model.bin', new Uint8Array(50_000));
    files.set('onnx/model.onnx', new Uint8Array(9));
    return files;
  } finally {
    rmSync(folders.root, { recursive: true });
  }
}

/** A random LoRA adapter in PEFT format. */
export function tinyAdapterFiles(): Map<string, Uint8Array> {
  const folders = writeTinyFolders();
  try {
    return filesOf(folders.adapter);
  } finally {
    rmSync(folders.root, { recursive: true });
  }
}
