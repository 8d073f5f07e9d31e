/** Limits the total amount in use at a time. Callers that exceed it wait, first come, first served. */
export class Semaphore {
  #free: number;
  readonly #waiting: { amount: number; enter: () => void }[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  /** Waits until `amount` is free, which must be at most the size, and takes it; `give` returns it. */
  async take(amount: number): Promise<void> {
    if (this.#waiting.length === 0 && amount <= this.#free) {
      this.#free -= amount;
      return;
    }
    await new Promise<void>((enter) => this.#waiting.push({ amount, enter }));
  }

  give(amount: number): void {
    this.#free += amount;
    for (let next = this.#waiting[0]; next && next.amount <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.amount;
      next.enter();
    }
  }
}
