// The HTTP API, typed as far as the pages use it. Errors carry the server's own sentence.

export interface MeterRow {
  meter_id: string
  modem_id: string
  area: string
  protocol: string
  link: string
  framing: string
  meter_type: string
  address: string
  online: boolean
  state: 'online' | 'offline' | 'alarm' | 'never'
  last_reading_at: string | null
  energy_import: { obis: string; value: string | null; unit: string | null } | null
  drift_s: number | null
  open_alarms: number
  has_keys: boolean
}

export interface ReadingRow {
  obis: string
  value: string | null
  unit: string | null
  time: string
  received_at: string
  source: string
  quality: string
}

export interface ProfileRow {
  time: string
  values: Record<string, { value: string | null; unit: string | null }>
  status: number | null
  quality: string
}

export interface AlarmRow {
  id: number
  meter_id: string | null
  modem_id: string | null
  kind: string
  place: string
  severity: 'info' | 'warning' | 'critical'
  raised_at: string
  device_time: string | null
  text: string
  detail: string
  cleared_at: string | null
  acknowledged_at: string | null
  acknowledged_by: string | null
}

export interface MeterEventRow {
  position: number
  received_at: string
  device_time: string | null
  code: number | null
  name: string | null
  detail: string
}

export interface KeptRow {
  position: number
  stream: string
  received_at: string
  reason: string
  detail: string
  hex: string
  system_title?: string | null
  peer?: string | null
}

export interface MeterPage extends MeterRow {
  latest: ReadingRow[]
  alarms: AlarmRow[]
  events: MeterEventRow[]
  kept: KeptRow[]
  failures: { at: string; what: string; reason: string; detail: string }[]
}

export interface ModemView {
  modem_id: string
  state: string
  reason: string
  peer: string | null
  link: string | null
  session: number | null
  connected_at: string | null
  last_heard_at: string | null
  bytes_in: number
  bytes_out: number
  queue: number
  meters: string[]
}

export interface SessionRow {
  session: number
  peer: string
  link: string
  claim: string
  connected_at: string
  ended_at: string | null
  reason: string | null
  lasted_s: number | null
  bytes_in: number | null
  bytes_out: number | null
}

export interface EventPage {
  events: EventForm[]
  next: number | null
  head: number
}

export interface ReadAnswer {
  meter_id: string
  time?: string
  readings?: ReadingRow[]
  refused?: Record<string, string>
  intervals?: ProfileRow[]
}

export interface ClockAnswer {
  meter_time: string
  drift_s: number
  uncertainty_s: number
  changed: { drift_before_s: number; drift_after_s: number; method: string } | null
}

export interface Caller {
  at: string
  peer: string
  listener: string
  reason: string
  first_bytes_hex: string
}

export interface Actor {
  path: string
  kind: string
  state: string
  restarts: number
  handled: number
  mailbox: number
  uptime_s: number
  current: string | null
  crash: string | null
  crash_trace: string | null
  crash_ago_s: number | null
  totals: Record<string, number>
  children_total: number
  strategy: string | null
  mailbox_max: number
  dropped: number
  current_for_s: number
  detail: string
  children: Actor[]
}

export interface EventForm {
  position: number
  stream: string
  version: number
  type: string
  received_at: string | null
  device_time: string | null
  data: Record<string, unknown> | null
  problem?: string | null
}

export interface Overview {
  meters: number
  meters_online: number
  modems_online: number
  modems_total: number
  readings_last_minute: number
  readings_last_hour: number
  success_24h: number | null
  open_alarms: number
  events_total: number
  events_per_s: number
  projections: { name: string; position: number; lag: number; age_s: number; poisoned?: number }[]
  node: { started_at: string; version: string }
}

export class ApiError extends Error {
  constructor(readonly code: string, message: string) {
    super(message)
  }
}

const TOKEN_KEY = 'hes-token'

export function token(): string {
  return sessionStorage.getItem(TOKEN_KEY) ?? ''
}

export function keepToken(value: string): void {
  sessionStorage.setItem(TOKEN_KEY, value)
}

interface Body { type: string; data: BodyInit }

async function call<T>(method: string, path: string, body?: Body): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (token()) headers.Authorization = `Bearer ${token()}`
  if (body) headers['Content-Type'] = body.type
  let answer: Response
  try {
    answer = await fetch(`/api/v1${path}`, { method, headers, body: body?.data })
  } catch {
    throw new ApiError('away', 'The head-end does not answer; it may be restarting.')
  }
  const data = await answer.json().catch(() => null)
  if (!answer.ok) {
    const error = data?.error
    throw new ApiError(error?.code ?? String(answer.status), error?.message ?? answer.statusText)
  }
  // Not done yet, so nobody may take it for done: there is no result to show.
  if (answer.status === 202) throw new ApiError('accepted', data?.accepted?.message ?? '')
  return data as T
}

type Query = Record<string, string | number | undefined>

function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') params.set(name, String(value))
  }
  const text = params.toString()
  return text ? `${path}?${text}` : path
}

export function get<T>(path: string, query: Query = {}): Promise<T> {
  return call<T>('GET', withQuery(path, query))
}

export function post<T>(path: string, body: unknown): Promise<T> {
  return call<T>('POST', path, { type: 'application/json', data: JSON.stringify(body) })
}

export function postBytes<T>(path: string, data: Blob, query: Query): Promise<T> {
  return call<T>('POST', withQuery(path, query), { type: 'application/octet-stream', data })
}
