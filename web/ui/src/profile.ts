// What a load profile says on a chart: the recorded values, or the mean power between two indexes.

import type { ProfileRow } from './api'

const HOUR_MS = 3_600_000
/** Longer than this many usual intervals: a hole, where a line would lie. */
const HOLE = 1.6

export interface Series { points: [number, number | null][]; unit: string }

export function channelsOf(rows: ProfileRow[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row.values)))].sort()
}

/** Whether the register counts up, so that its power can be told by differences. */
export function isIndex(obis: string): boolean {
  return obis.split('.')[3] === '8'
}

const POWER: Record<string, string> = { Wh: 'kW', varh: 'kvar', VAh: 'kVA', kWh: 'kW', kvarh: 'kvar', kVAh: 'kVA' }

function valuesOf(rows: ProfileRow[], obis: string): { at: number; value: number | null; unit: string }[] {
  return rows.map((row) => {
    const cell = row.values[obis]
    const value = cell?.value == null ? null : Number(cell.value)
    return { at: Date.parse(row.time), value: Number.isFinite(value) ? value : null, unit: cell?.unit ?? '' }
  })
}

function usualGap(times: number[]): number {
  const gaps = times.slice(1).map((at, index) => at - times[index]).sort((one, other) => one - other)
  return gaps[Math.floor(gaps.length / 2)] ?? HOUR_MS / 2
}

export function seriesOf(rows: ProfileRow[], obis: string, asPower: boolean): Series {
  const values = valuesOf(rows, obis)
  const unit = values.find((value) => value.unit)?.unit ?? ''
  const hole = usualGap(values.map((value) => value.at)) * HOLE
  const thousand = unit.startsWith('k') ? 1 : 1000
  const points: Series['points'] = []
  values.forEach(({ at, value }, index) => {
    const before = values[index - 1]
    const isHole = before !== undefined && at - before.at > hole
    if (isHole) points.push([before.at + 1, null])
    if (!asPower) points.push([at, value])
    else if (before && !isHole && value != null && before.value != null) {
      points.push([at, ((value - before.value) / thousand) * (HOUR_MS / (at - before.at))])
    }
  })
  return { points, unit: asPower ? (POWER[unit] ?? unit) : unit }
}
