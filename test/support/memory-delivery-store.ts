// An outbox in memory, for tests of durable delivery.
import type { Delivery, DeliveryStore } from '../../bots/core/durable-delivery.ts';

export interface MemoryDeliveryStore extends DeliveryStore {
  readonly saved: Map<string, Delivery>;
  readonly sent: string[];
}

export function createMemoryDeliveryStore(): MemoryDeliveryStore {
  const saved = new Map<string, Delivery>();
  const sent: string[] = [];
  return {
    saved,
    sent,
    async save(key, delivery) {
      if (!sent.includes(key)) saved.set(key, delivery);
    },
    async markSent(key) {
      saved.delete(key);
      sent.push(key);
    },
    pending: async () => [...saved].map(([key, delivery]) => ({ key, delivery })),
  };
}
