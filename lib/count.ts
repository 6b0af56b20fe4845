const whole = new Intl.NumberFormat("en-US");

/** 48210 → "48,210". */
export const count = (value: number): string => whole.format(value);

/** `plural(1, "customer")` → "1 customer". */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;
