/** Minor units → "$1,180.00", "¥1,180". Whole amounts lose their zeros on request: tiles and sums. */
export function moneyText(amountMinor: number, currency: string, { short = false } = {}): string {
  const code = currency.toUpperCase();
  const digits = decimalsOf(code) ?? 2;
  let format: Intl.NumberFormat;
  try {
    format = new Intl.NumberFormat("en-US", {
      style: "currency",
      currency: code,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  } catch {
    // Not three letters, so no currency that Intl could know: say the number as it is stored.
    return `${amountMinor} ${code}`;
  }
  const major = amountMinor / 10 ** digits;
  if (!short || !Number.isInteger(major)) return format.format(major);
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: code,
    maximumFractionDigits: 0,
  }).format(major);
}

const withoutDecimals = /^(BIF|CLP|DJF|GNF|JPY|KMF|KRW|MGA|PYG|RWF|UGX|VND|VUV|XAF|XOF|XPF)$/;
const known = new Set(Intl.supportedValuesOf("currency"));
const withThree = /^(BHD|JOD|KWD|OMR|TND)$/;

/**
 * How many decimals Stripe's minor units of a currency have; null for what is no currency. Intl has another opinion on a dozen
 * (ISK, ALL, LBP …): its figures say what people write today, Stripe's what its API counts in.
 */
export function decimalsOf(currency: string): 0 | 2 | 3 | null {
  const code = currency.toUpperCase();
  if (withoutDecimals.test(code)) return 0;
  if (withThree.test(code)) return 3;
  return known.has(code) ? 2 : null;
}
