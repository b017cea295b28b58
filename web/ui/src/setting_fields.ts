// Settings that people may change, as data: one panel draws them all.

export interface Field {
  /** As the API calls it, in what is asked and what is answered. */
  key: string
  kind: 'text' | 'whole' | 'decimal' | 'list'
  min?: number
  max?: number
  /** Words of the danger of changing it. */
  danger?: string
}

export interface Settings {
  name: 'limiter' | 'push' | 'network'
  path: string
  fields: Field[]
  /** May be told to push at once. */
  now?: boolean
}

const U16 = 65_535
const U32 = 4_294_967_295

export const LIMITER: Settings = {
  name: 'limiter',
  path: 'limiter',
  fields: [
    { key: 'threshold_normal', kind: 'decimal', danger: 'limiter.danger' },
    { key: 'threshold_emergency', kind: 'decimal', danger: 'limiter.danger' },
    { key: 'min_over_s', kind: 'whole', min: 0, max: U32 },
    { key: 'min_under_s', kind: 'whole', min: 0, max: U32 },
  ],
}

export const PUSH: Settings = {
  name: 'push',
  path: 'push-setup',
  now: true,
  fields: [
    { key: 'address', kind: 'text', danger: 'push.danger' },
    { key: 'every_s', kind: 'whole', min: 60, max: 86_400 },
    { key: 'randomisation_s', kind: 'whole', min: 0, max: U16 },
    { key: 'retries', kind: 'whole', min: 0, max: 255 },
    { key: 'retry_delay_s', kind: 'whole', min: 0, max: U16 },
  ],
}

export const NETWORK: Settings = {
  name: 'network',
  path: 'modem-setup',
  fields: [
    { key: 'apn', kind: 'text', danger: 'network.danger' },
    { key: 'destinations', kind: 'list', danger: 'network.danger' },
    { key: 'mode', kind: 'whole', min: 0, max: 255, danger: 'network.danger' },
    { key: 'port', kind: 'whole', min: 1, max: U16 },
    { key: 'inactivity_s', kind: 'whole', min: 0, max: U16 },
  ],
}

/** What a field holds, as the API wants it; an error where it cannot be used. */
export function valueOf(field: Field, text: string): { value?: unknown; wrong?: 'number' | 'range' } {
  const plain = text.trim().replace(',', '.')
  if (field.kind === 'text') return { value: text.trim() }
  if (field.kind === 'list') return { value: text.split(/[\s,;]+/).filter(Boolean) }
  if (!/^-?\d+(\.\d+)?$/.test(plain) || (field.kind === 'whole' && plain.includes('.'))) return { wrong: 'number' }
  if (field.kind === 'decimal') return { value: plain }
  const number = Number(plain)
  return number < (field.min ?? 0) || number > (field.max ?? U32) ? { wrong: 'range' } : { value: number }
}
