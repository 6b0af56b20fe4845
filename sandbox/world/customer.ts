import type Stripe from "stripe";
import type { Random } from "./random.ts";

const firstNames =
  "Ada Amara Aiko Alan Amélie Anil Astrid Barbara Beatriz Björn Carlos Chen Chidi Claude Dana Edsger Elena Emeka Fatima Frances Giulia Grace Hana Hiro Ines Ivan Jean Jonas Kateryna Katherine Kenji Lars Leïla Linus Lucía Mae Margaret Mateo Mei Nadia Niklaus Noor Olga Omar Priya Radia Rosa Sana Sofia Tadashi Tim Ursula Valentina Wei Yuki Zoë".split(
    " ",
  );
const lastNames =
  "Abe Adeyemi Andersson Bauer Bianchi Byrne Costa Dijkstra Dubois Eze Fischer Flores García Goldberg Hamilton Hopper Ibrahim Ito Johnson Kaya Kim Kovač Larsen Liskov Lovelace Martin Meyer Mori Nakamura Nguyễn Novák O'Brien Okafor Oliveira Patel Perlman Rossi Sato Schmidt Silva Singh Smith Sørensen Tanaka Torres Turing Vidal Wang Weber Wilson Yılmaz Zhang".split(
    " ",
  );
const domains = [
  "example.com",
  "example.org",
  "example.net",
  "mail.example.com",
  "studio.example.org",
  "labs.example.net",
];

export interface Person {
  name: string;
  email: string;
}

/** Somebody with a name and an address of their own: the number keeps it unique. */
export function makePerson(random: Random, number: number): Person {
  const first = random.pick(firstNames);
  const last = random.pick(lastNames);
  const plain = (text: string) =>
    text
      .normalize("NFD")
      .replace(/[^A-Za-z]/g, "")
      .toLowerCase();
  const local = `${plain(first)}.${plain(last)}${number}`;
  return { name: `${first} ${last}`, email: `${local}@${random.pick(domains)}` };
}

export function makeCustomer(
  random: Random,
  given: { created: number; livemode: boolean; number: number; currency: string | null; delinquent: boolean },
): Stripe.Customer {
  const person = makePerson(random, given.number);
  return {
    id: random.id("cus"),
    object: "customer",
    address: null,
    balance: 0,
    created: given.created,
    currency: given.currency,
    customer_account: null,
    default_source: null,
    delinquent: given.delinquent,
    description: null,
    discount: null,
    email: person.email,
    invoice_prefix: random.id("x", 8).slice(2).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: random.id("pm_1", 23),
      footer: null,
      rendering_options: null,
    },
    livemode: given.livemode,
    metadata: { user: String(given.number) },
    name: person.name,
    next_invoice_sequence: 1,
    phone: null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: "none",
    test_clock: null,
  };
}
