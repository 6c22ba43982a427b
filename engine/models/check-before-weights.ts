// Whether this engine can serve what a hub repository holds, asked of its small files before any weight is fetched.
// Used by pull-model.ts. Pure; the same readers as serving, so that what passes here also loads.

import { EngineError } from '../errors.ts';
import { parseAdapterSettings } from '../model/adapter-settings.ts';
import { parseModelConfig } from '../model/model-config.ts';
import { createTokenizer } from '../model/tokenizer.ts';
import type { FolderKind } from './choose-files.ts';

/**
 * @param small contents by file name
 * @returns the parsed index of shards, undefined where the weights are in one file
 * @throws EngineError of the reader that refuses, such as `config_unsupported` | `tokenizer_unsupported`
 */
export function checkBeforeWeights(
  repo: string,
  kind: FolderKind,
  small: ReadonlyMap<string, Uint8Array>,
): unknown {
  const json = (name: string): unknown => {
    const bytes = small.get(name);
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new EngineError(`${name} of ${repo} is not JSON`, {
        code: 'json_malformed',
        retry: 'never',
        cause,
      });
    }
  };
  if (kind === 'adapter') {
    parseAdapterSettings(json('adapter_config.json'), `adapter_config.json of ${repo}`);
    return undefined;
  }
  parseModelConfig(json('config.json'), `config.json of ${repo}`);
  createTokenizer(json('tokenizer.json'), json('tokenizer_config.json'), `tokenizer.json of ${repo}`);
  return json('model.safetensors.index.json');
}
