// What the HTTP server serves: GET /v1/models and /v1/adapters, loading, unloading and prefetching adapters, counting
// prompt tokens. Used by http-app.ts. It knows no completions. Shapes: OpenAI's list of models with vLLM's additions
// (root, parent, max_model_len; docs.vllm.ai/en/latest/features/lora), load_lora_adapter as vLLM answers it.
// Unloading takes the name away; the memory is the pool's, which evicts what nobody uses.
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { ServingBackend } from '../engine.ts';
import { EngineError } from '../errors.ts';
import type { AdapterRegistry, ServedAdapter } from './adapter-registry.ts';
import { chatCall } from './completion-body.ts';
import { badRequest, HttpFault, modelNotFound } from './errors.ts';
import { demandAdmin, type GateVariables } from './http-gate.ts';
import { readJsonBody } from './json-body.ts';

interface ModelDeps {
  readonly backend: ServingBackend;
  readonly baseModel: string;
  readonly registry: AdapterRegistry;
  readonly bodyBytesMax: number;
}

interface Env {
  readonly Variables: GateVariables;
}

const loadBody = z.object({ lora_name: z.string().min(1).max(200), lora_path: z.string().min(1).max(4096) });
const unloadBody = z.object({ lora_name: z.string().min(1).max(200) });
const prefetchBody = z.object({ model: z.string().min(1).max(200) });

export function modelRoutes({ backend, baseModel, registry, bodyBytesMax }: ModelDeps): Hono<Env> {
  const created = Math.floor(Date.now() / 1000);
  const { contextTokens } = backend;
  const model = (adapter?: ServedAdapter): object => ({
    id: adapter?.name ?? baseModel,
    object: 'model',
    created,
    owned_by: 'openmodels',
    root: adapter?.path ?? baseModel,
    parent: adapter === undefined ? null : baseModel,
    max_model_len: contextTokens,
  });
  const adapterEntry = async (adapter: ServedAdapter): Promise<object> => ({
    id: adapter.name,
    object: 'adapter',
    root: adapter.path,
    parent: baseModel,
    state: await backend.adapterState(adapter.ref),
  });
  const found = async (name: string): Promise<ServedAdapter> => {
    const adapter = await registry.find(name);
    if (adapter === undefined) throw modelNotFound(name);
    return adapter;
  };
  const read = async <T>(context: Context, schema: z.ZodType<T>): Promise<T> => {
    const result = schema.safeParse(await readJsonBody(context, bodyBytesMax));
    if (result.success) return result.data;
    const path = result.error.issues[0].path.join('.');
    throw badRequest(`${path}: ${result.error.issues[0].message}`, path);
  };

  return new Hono<Env>()
    .get('/v1/models', async (context) => {
      const adapters = await registry.list();
      return context.json({ object: 'list', data: [model(), ...adapters.map((adapter) => model(adapter))] });
    })
    .get('/v1/models/:name', async (context) => {
      const name = context.req.param('name');
      return context.json(name === baseModel ? model() : model(await found(name)));
    })
    .get('/v1/adapters', async (context) => {
      const name = context.req.query('name');
      const adapters = name === undefined ? await registry.list() : [await found(name)];
      const data: object[] = [];
      for (const adapter of adapters) data.push(await adapterEntry(adapter));
      return context.json({ object: 'list', data });
    })
    .post('/v1/load_lora_adapter', async (context) => {
      demandAdmin(context.get('key'));
      const { lora_name: name, lora_path: path } = await read(context, loadBody);
      if (name === baseModel) throw badRequest(`${name} is the base model.`, 'lora_name');
      const adapter = await registry.at(name, path);
      if (adapter === undefined)
        throw new HttpFault(`There is no adapter at ${path} inside the adapters folder.`, {
          status: 404,
          type: 'invalid_request_error',
          code: 'adapter_not_found',
          param: 'lora_path',
        });
      const taken = await registry.find(name);
      if (taken !== undefined && taken.path !== adapter.path)
        throw badRequest(
          `The lora adapter '${name}' has already been loaded from another folder.`,
          'lora_name',
        );
      await backend.loadAdapter(adapter.ref).catch((error: unknown) => {
        throw loadFault(error);
      });
      if (taken === undefined) registry.name(adapter);
      return context.text(`Success: LoRA adapter '${name}' added successfully.`);
    })
    .post('/v1/unload_lora_adapter', async (context) => {
      demandAdmin(context.get('key'));
      const { lora_name: name } = await read(context, unloadBody);
      if (!registry.forget(name)) {
        if ((await registry.find(name)) === undefined) throw modelNotFound(name);
        throw badRequest(
          `'${name}' is a folder of the adapters folder: it is served while it is there.`,
          'lora_name',
        );
      }
      return context.text(`Success: LoRA adapter '${name}' removed successfully.`);
    })
    .post('/v1/prefetch', async (context) => {
      const { model: name } = await read(context, prefetchBody);
      const { ref } = await found(name);
      backend.prefetchAdapter(ref);
      return context.json({ model: name, state: await backend.adapterState(ref) }, 202);
    })
    .post('/tokenize', async (context) => {
      const body = await readJsonBody(context, bodyBytesMax);
      const { messages } = chatCall(body, contextTokens).request;
      return context.json({
        count: await backend.countPromptTokens(messages),
        max_model_len: contextTokens,
      });
    });
}

/** Whoever may load adapters may know what is wrong with one; it is the adapter that is wrong, not the server. */
function loadFault(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.retry !== 'never') return error;
  return badRequest(error.message, 'lora_path', error.code);
}
