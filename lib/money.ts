/** Minor units → "$1,180.00", "¥1,180". Whole amounts lose their zeros on request: tiles and sums. */
export function moneyText(amountMinor: number, currency: string, { short = false } = {}): string {
  const code = currency.toUpperCase();
  let format: Intl.NumberFormat;
  try {
    format = new Intl.NumberFormat("en-US", { style: "currency", currency: code });
  } catch {
    // Not three letters, so no currency that Intl could know: say the number as it is stored.
    return `${amountMinor} ${code}`;
  }
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  const major = amountMinor / 10 ** digits;
  if (!short || !Number.isInteger(major)) return format.format(major);
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency: code,
    maximumFractionDigits: 0,
  }).format(major);
}
