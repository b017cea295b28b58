// An Ed25519 signature in a file: its 64 bytes, or their hex digits.

const SIZE = 64

/** Its hex digits; undefined: the file holds none. */
export function hexOf(data: Uint8Array): string | undefined {
  if (data.length === SIZE) return [...data].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const text = data.length <= 4096 ? new TextDecoder().decode(data).replace(/\s/g, '') : ''
  return /^[0-9a-fA-F]{128}$/.test(text) ? text.toLowerCase() : undefined
}
