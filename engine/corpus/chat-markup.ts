// How the base model's conversations are written, as a Jinja template and as the tokenizer's configuration.
// Used by: build-corpus. The same markup is built from ids there; a test compares the two.
// One token for each role and one for the end of a turn, nothing else: a short question should be a short prompt.

import { specialTokens } from './train-tokenizer.ts';

/** Jinja, as in tokenizer_config.json. A generation prompt opens the assistant's turn. */
export const chatTemplate =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

export function tokenizerConfigJson(): Readonly<Record<string, unknown>> {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<|bos|>',
    eos_token: '<|eos|>',
    pad_token: '<|pad|>',
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    additional_special_tokens: specialTokens.slice(3),
    model_max_length: 1024,
    chat_template: chatTemplate,
  };
}
