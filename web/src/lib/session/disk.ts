/**
 * What this device keeps: keys, unsent commands, receipts, the last heads seen, and the public
 * keys it trusts.
 */

const STORES = ['keys', 'outbox', 'receipts', 'heads', 'pins'] as const;
export type Store = (typeof STORES)[number];

let opened: Promise<IDBDatabase> | null = null;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('chibo', 2);
    request.onupgradeneeded = () => {
      const there = request.result.objectStoreNames;
      for (const store of STORES) {
        if (!there.contains(store)) request.result.createObjectStore(store);
      }
    };
    request.onsuccess = () => {
      // Another tab may want to upgrade; let it, and open again when needed.
      request.result.onversionchange = () => {
        request.result.close();
        opened = null;
      };
      resolve(request.result);
    };
    request.onerror = () => {
      opened = null;
      reject(request.error);
    };
  });
  return opened;
}

async function run<T>(
  store: Store,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    // "strict": the browser reports success only when the bytes are on the disk.
    const transaction = database.transaction(store, mode, { durability: 'strict' });
    const request = act(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const read = <T>(store: Store, key: string): Promise<T | undefined> =>
  run<T | undefined>(store, 'readonly', (s) => s.get(key) as IDBRequest<T | undefined>);

export const readAll = <T>(store: Store): Promise<T[]> =>
  run<T[]>(store, 'readonly', (s) => s.getAll() as IDBRequest<T[]>);

export const write = async (store: Store, key: string, value: unknown): Promise<void> => {
  await run(store, 'readwrite', (s) => s.put(value, key));
};

export const remove = async (store: Store, key: string): Promise<void> => {
  await run(store, 'readwrite', (s) => s.delete(key));
};
