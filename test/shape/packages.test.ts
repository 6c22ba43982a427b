// All ten packages of the project's card are installed and load on the pinned Node.
import { describe, expect, it } from 'vitest';

describe('the fixed packages', () => {
  it.each([
    ['discord.js', () => import('discord.js'), 'Client'],
    ['grammy', () => import('grammy'), 'Bot'],
    ['langchain', () => import('langchain'), 'createAgent'],
    ['@langchain/community', () => import('@langchain/community/retrievers/bm25'), 'BM25Retriever'],
    ['onnxruntime-node', () => import('onnxruntime-node'), 'InferenceSession'],
    ['postgres', () => import('postgres'), 'default'],
    ['kysely', () => import('kysely'), 'Kysely'],
    ['ethers', () => import('ethers'), 'keccak256'],
    ['pino', () => import('pino'), 'pino'],
    ['vitest', () => import('vitest'), 'describe'],
  ] as const)('%s loads', async (_name, load, member) => {
    expect(Object.keys(await load())).toContain(member);
  });

  it('run on Node 24', () => {
    expect(process.versions.node.split('.')[0]).toBe('24');
  });
});
