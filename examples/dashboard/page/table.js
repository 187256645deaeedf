/** Have the table's `body` show `rows`, of which the first cell is what the row is about. */
export function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((text, column) => {
      const cell =
        row.cells[column] ?? row.appendChild(document.createElement(column ? "td" : "th"));
      if (!column) cell.scope = "row";
      if (cell.textContent !== String(text)) cell.textContent = text;
    });
  });
}
