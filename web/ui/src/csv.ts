// A table as a file that spreadsheets open, without letting a cell become a formula.

const FORMULA = /^[=+\-@\t\r]/

export function csvOf(rows: (string | number | null)[][]): string {
  const cell = (value: string | number | null): string => {
    const text = String(value ?? '')
    const safe = typeof value === 'string' && FORMULA.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n'
}

export function save(name: string, text: string): void {
  // The mark at the begin tells spreadsheets that it is UTF-8.
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
