#!/usr/bin/env python3
"""Write chat.json: what transformers make of conversations by chat templates that do what those of well-known models do.

    pip install transformers; python3 make_chat_golden.py

The templates are written for this file; each writes the same text for a conversation without tools as the template of the
models that its name says. Those that are to be refused have no conversations.
"""

import json
import pathlib

import tokenizers
import transformers

SMOLLM2 = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
' }}{% endif %}{{ '<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>' + '
' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""

# A system message by default, another way to write for tools, and answers that call them.
QWEN25 = r"""{%- set helper = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' %}
{%- if tools %}
    {{- '<|im_start|>system\n' + helper + "\n\n# Tools\n\nSignatures of functions:\n<tools>" }}
    {%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
    {{- "\n</tools><|im_end|>\n" }}
{%- elif messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
{%- else %}
    {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- for call in message.tool_calls %}{{- '\n<tool_call>\n' }}{{- call | tojson }}{{- '\n</tool_call>' }}{%- endfor %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
"""

# No system message by default; earlier thoughts are forgotten.
QWEN3 = r"""{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\n' + messages[0].content + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == "user" %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}
"""

LLAMA3 = r"""{% for message in messages %}{% set turn = '<|start_header_id|>' + message['role'] + '<|end_header_id|>

' + message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set turn = bos_token + turn %}{% endif %}{{ turn }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>

' }}{% endif %}"""

LLAMA31 = r"""{{- bos_token }}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{#- What the system says goes into the turn below. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if tools is defined and tools %}
    {{- "Environment: ipython\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\n" }}
{{- "Today Date: " + date_string + "\n\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
{%- endif %}
"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('There is no system role') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model
' }}{% endif %}"""

GEMMA3 = r"""{{ bos_token }}
{%- set first_user_prefix = "" -%}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}
    {%- set messages = messages[1:] -%}
{%- endif -%}
{%- for message in messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Roles must alternate") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- else -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{ '<start_of_turn>model\n' }}
{%- endif -%}
"""

MISTRAL = "{{ bos_token }}{% for message in messages %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endfor %}"
METADATA = SMOLLM2.replace("You are a helpful AI", "' }}{{ '## Metadata' }}{{ '\nYou are a helpful AI")
THINKING = SMOLLM2.replace("{{ '<|im_start|>assistant\n' }}", "{{ '<|im_start|>assistant\n<think>\n' }}")
OUTSIDE = "{% for message in messages %}{{ '<|im_start|>' + message.role }}\n{{ message.content + '<|im_end|>' }}\n{% endfor %}"

QUESTION = [{"role": "user", "content": "What is 2 + 2?"}]
SPACES = [{"role": "user", "content": "  \n tabs\tand\u00a0\u3000 spaces \u2028\x1c"}]
SYSTEM = [{"role": "system", "content": " Be brief.\n"}]
TURNS = QUESTION + [{"role": "assistant", "content": " <think>\nhm\n</think>\n\nFour. "},
                    {"role": "user", "content": "And 3 + 3?\n\n"}, {"role": "assistant", "content": ""},
                    {"role": "user", "content": ""}]
CONVERSATIONS = [QUESTION, SPACES, TURNS]
WITH_SYSTEM = CONVERSATIONS + [SYSTEM + QUESTION, SYSTEM + TURNS]

ACCEPTED = [("SmolLM2", SMOLLM2, WITH_SYSTEM), ("Qwen2.5", QWEN25, WITH_SYSTEM), ("Qwen3", QWEN3, WITH_SYSTEM),
            ("Llama 3", LLAMA3, WITH_SYSTEM), ("Llama 3.1", LLAMA31, WITH_SYSTEM), ("Gemma", GEMMA, CONVERSATIONS),
            ("Gemma 3", GEMMA3, WITH_SYSTEM)]
REFUSED = [("Mistral", MISTRAL), ("metadata", METADATA), ("thinking", THINKING), ("outside", OUTSIDE)]


def main():
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<s>": 0}, unk_token="<s>"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", eos_token="<s>")
    golden = []
    for name, template, conversations in ACCEPTED:
        texts = [tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, add_generation_prompt=True)
                 for messages in conversations]
        golden.append({"name": name, "template": template,
                       "conversations": [{"messages": messages, "text": text}
                                         for messages, text in zip(conversations, texts)]})
    golden += [{"name": name, "template": template, "conversations": []} for name, template in REFUSED]
    (pathlib.Path(__file__).parent / "chat.json").write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
