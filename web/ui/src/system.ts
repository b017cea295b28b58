// What the node says of itself, as the system page shows it.

export interface Projection { name: string; position: number; lag: number; age_s: number; poisoned?: number }
export interface StoreFacts { kind: string; problem: string | null }

export interface SystemPage {
  system: {
    node: string
    version: string
    started_at: string
    store: StoreFacts
    read_model: StoreFacts
    reports: string | null
    queue: { waiting: number; waiting_max: number; committing: number }
    listeners: { name: string; link: string; bind: string; unnamed: number }[]
    connections: { open: number; accepted: number; refused: number; faults: number } | null
    process: { resident_bytes: number | null; files_open: number | null; files_max: number | null; cpu_s: number }
    meter_types: number
  }
  position: number | null
  problem: string | null
  anchor: { first: number; last: number; digest: string; at: string } | null
  projections: Projection[]
  web: { live: number; resyncs: number }
}

export interface PoisonRow { projection: string; position: number; topic: string; reason: string }
export interface Rebuilt { name: string; position: number; action: string; differences: number | null; ok: boolean }

/** Behind by so much, or for so long, somebody should look. */
export const LAG_BAD = 1_000
export const AGE_BAD_S = 60
