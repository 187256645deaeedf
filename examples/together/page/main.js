// The page of a text: its changes in one room, names and cursors in another, over one connection.

const [, name] = location.pathname.match(/^\/texts\/([a-z0-9-]+)/);

try {
  if (!globalThis.Centrifuge) throw new Error("there is no client");
  // Only now, since it is no use without the packages.
  const { open } = await import("./page.js");
  open(name);
} catch (error) {
  document.getElementById("status").textContent =
    "A package is missing. Run: npm --prefix examples/together ci";
  console.info(error);
}
