/** What waits for one moment; opened once. */
export class Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;

  constructor() {
    let open!: () => void;
    this.opened = new Promise((resolve) => {
      open = resolve;
    });
    this.open = open;
  }
}
