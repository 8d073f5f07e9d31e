/** Room for so much at a time; who wants more waits, in order, until others have gone. */
export class Semaphore {
  #free: number;
  readonly #waiting: { amount: number; enter: () => void }[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  /** Waits for room for `amount`, at most the room's size; `give` gives it back. */
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
