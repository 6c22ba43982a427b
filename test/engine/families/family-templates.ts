// Chat templates of the families, written by us from the facts of their formats: the same prompts come out, by our own
// Jinja, which uses what such templates use (namespaces, filters, macros, loop variables, slices, raising, dates, tools).

/** The system prompt stands in the first turn, each question is a sequence of its own. */
export const llama2Template = `
{%- if messages[0]['role'] == 'system' -%}
  {%- set turns = messages[1:] -%}
  {%- set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' -%}
{%- else -%}
  {%- set turns = messages -%}
  {%- set system = '' -%}
{%- endif -%}
{%- for turn in turns -%}
  {%- if (turn['role'] == 'user') != loop.index0 is even -%}
    {{- raise_exception('turns: roles must alternate') -}}
  {%- endif -%}
  {%- set content = system + turn['content'] if loop.first else turn['content'] -%}
  {%- if turn['role'] == 'user' -%}
    {{- bos_token + '[INST] ' + content.strip() + ' [/INST]' -}}
  {%- else -%}
    {{- ' ' + content.strip() + ' ' + eos_token -}}
  {%- endif -%}
{%- endfor -%}`;

const headerMacro = `{%- macro turn(role, content) -%}
  <|start_header_id|>{{ role }}<|end_header_id|>{{ '\\n\\n' + content | trim }}<|eot_id|>
{%- endmacro -%}`;

export const llama3Template = `${headerMacro}
{%- for message in messages -%}
  {%- if loop.first -%}{{ bos_token }}{%- endif -%}
  {{ turn(message.role, message.content) }}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start_header_id|>assistant<|end_header_id|>{{ '\\n\\n' }}{%- endif -%}`;

/** Always a system turn, with two dates, of which 3.2 writes today's; a note where tools are given. */
export const llama32Template = `${headerMacro}
{%- set day = strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' -%}
{%- set asked = messages[0].content | trim if messages[0].role == 'system' else '' -%}
{%- set rest = messages[1:] if messages[0].role == 'system' else messages -%}
{{- bos_token -}}
<|start_header_id|>system<|end_header_id|>{{ '\\n\\n' }}
{%- if tools is defined and tools -%}{{ 'Environment: ipython\\n' }}{%- endif -%}
{{- ['Cutting Knowledge Date: December 2023', 'Today Date: ' + day, '', asked] | join('\\n') -}}
<|eot_id|>
{%- for message in rest -%}
  {%- if 'tool_calls' in message -%}{{ message.tool_calls | tojson }}
  {%- else -%}{{ turn(message.role, message.content) }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start_header_id|>assistant<|end_header_id|>{{ '\\n\\n' }}{%- endif -%}`;

/** Refuses a system turn. */
export const mistralTemplate = `{{- bos_token -}}
{%- set expected = namespace(role='user') -%}
{%- for message in messages -%}
  {%- if message.role not in ['user', 'assistant'] -%}{{ raise_exception('a role this model does not have') }}{%- endif -%}
  {%- if message.role != expected.role -%}{{ raise_exception('turns: roles must alternate') }}{%- endif -%}
  {%- if message.role == 'user' -%}
    [INST] {{ message.content }} [/INST]
    {%- set expected.role = 'assistant' -%}
  {%- else -%}
    {{- message.content ~ eos_token ~ ' ' -}}
    {%- set expected.role = 'user' -%}
  {%- endif -%}
{%- endfor -%}`;

/** Keeps the system prompt in the last turn, if that is the user's. */
export const mistralV3Template = `{{- bos_token -}}
{%- set system = messages | selectattr('role', 'equalto', 'system') | list -%}
{%- set turns = messages | rejectattr('role', 'equalto', 'system') | list -%}
{%- for turn in turns -%}
  {%- if (turn['role'] == 'user') != (loop.index0 % 2 == 0) -%}
    {{- raise_exception('turns: roles must alternate') -}}
  {%- endif -%}
  {%- if turn['role'] == 'user' -%}
    {%- if tools is defined and loop.last -%}[AVAILABLE_TOOLS] {{ tools | tojson }}[/AVAILABLE_TOOLS]{%- endif -%}
    {%- set before = system[0]['content'] + '\\n\\n' if system and loop.last else '' -%}
    [INST] {{ before + turn['content'] }}[/INST]
  {%- else -%}
    {{- ' ' + turn['content'] + eos_token -}}
  {%- endif -%}
{%- endfor -%}`;

const chatMl = (assistantContent: string): string => `
{%- for message in turns -%}
  <|im_start|>{{ message.role + '\\n' }}
  {%- if message.role == 'assistant' -%}${assistantContent}{%- else -%}{{ message.content }}{%- endif -%}
  <|im_end|>{{ '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant{{ '\\n' }}{%- endif -%}`;

const withDefault = (system: string): string =>
  `{%- set given = messages[0].role == 'system' -%}
{%- set turns = messages if given else [{'role': 'system', 'content': '${system}'}] + messages -%}`;

/** ChatML with Qwen's default system prompt, a branch for tools, and answers marked for a trainer. */
export const qwen25Template = `${withDefault('You are Qwen, created by Alibaba Cloud. You are a helpful assistant.')}
{%- if tools -%}{%- for tool in tools -%}{{ tool | tojson(indent=2) }}{%- endfor -%}{%- endif -%}
${chatMl('{%- generation -%}{{ message.content }}{%- endgeneration -%}')}`;

export const smolLm2Template = `${withDefault('You are a helpful AI assistant named SmolLM, trained by Hugging Face')}
${chatMl('{{ message.content }}')}`;
