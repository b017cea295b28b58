// Daily energy as the chart and the table show it: one register, one bar a day, holes where nothing is known.

export interface EnergyDay {
  day: string
  obis: string
  profile: string
  energy: string | null
  unit: string | null
  intervals: number
  first_at: string
  last_at: string
  quality: 'whole' | 'part' | 'reset'
}

export interface Bar { day: string; row: EnergyDay | undefined }

const DAY_MS = 86_400_000
const THOUSAND = new Set(['Wh', 'varh', 'VAh'])

export function registersOf(rows: EnergyDay[]): string[] {
  return [...new Set(rows.map((row) => row.obis))].sort()
}

/** Every day from the first to the last that has a row, those without one as well. */
export function barsOf(rows: EnergyDay[], obis: string): Bar[] {
  const found = new Map(rows.filter((row) => row.obis === obis).map((row) => [row.day, row]))
  const days = [...found.keys()].sort()
  if (!days.length) return []
  const bars: Bar[] = []
  for (let at = Date.parse(days[0]); at <= Date.parse(days.at(-1)!); at += DAY_MS) {
    const day = new Date(at).toISOString().slice(0, 10)
    bars.push({ day, row: found.get(day) })
  }
  return bars
}

/** In kWh and the like, for a chart. */
export function chartValue(row: EnergyDay | undefined): number | null {
  if (!row || row.energy === null) return null
  return Number(row.energy) / (THOUSAND.has(row.unit ?? '') ? 1000 : 1)
}

export function chartUnit(rows: EnergyDay[]): string {
  const unit = rows.find((row) => row.unit)?.unit ?? ''
  return THOUSAND.has(unit) ? `k${unit}` : unit
}
