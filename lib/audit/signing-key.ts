// Ed25519 keys as they stand in the environment: one line each. Whoever has the public one can verify, and not sign.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";

/** A new pair: the private key as PKCS #8, the public one as SPKI, both in base64. */
export function newSigningKey(): { signingKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { signingKey: pkcs8(privateKey), publicKey: publicText(publicKey) };
}

/** Null when it is no such key. */
export function readSigningKey(text: string): KeyObject | null {
  return ed25519(() => createPrivateKey({ key: Buffer.from(text, "base64"), format: "der", type: "pkcs8" }));
}

export function readPublicKey(text: string): KeyObject | null {
  return ed25519(() => createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" }));
}

export const publicText = (key: KeyObject): string =>
  (key.type === "private" ? createPublicKey(key) : key)
    .export({ format: "der", type: "spki" })
    .toString("base64");

const pkcs8 = (key: KeyObject) => key.export({ format: "der", type: "pkcs8" }).toString("base64");

function ed25519(read: () => KeyObject): KeyObject | null {
  try {
    const key = read();
    return key.asymmetricKeyType === "ed25519" ? key : null;
  } catch {
    return null;
  }
}
