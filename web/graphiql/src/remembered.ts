/** A value that outlives the page, is the same in every window of it, and tells who watches. */
export class Remembered<T> {
  #value: T;
  readonly #key: string;
  readonly #watchers = new Set<() => void>();

  constructor(name: string, otherwise: T) {
    this.#key = `onsale:${name}`;
    this.#value = this.#stored() ?? otherwise;
    window.addEventListener("storage", ({ key }) => {
      if (key === this.#key) {
        this.#tell(this.#stored() ?? otherwise);
      }
    });
  }

  // Bound to the object, for React calls both by themselves.
  readonly get = (): T => this.#value;

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  set(value: T): void {
    try {
      localStorage.setItem(this.#key, JSON.stringify(value));
    } catch {
      // A browser that stores nothing remembers as long as the page is open.
    }
    this.#tell(value);
  }

  #tell(value: T): void {
    this.#value = value;
    this.#watchers.forEach((watcher) => watcher());
  }

  #stored(): T | null {
    try {
      return JSON.parse(localStorage.getItem(this.#key) ?? "null") as T | null;
    } catch {
      return null;
    }
  }
}
