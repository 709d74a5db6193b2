// Search without a server: every name of the API is in names.js.
const input = document.getElementById("search");
const found = document.getElementById("found");
const MOST = 30;

function matches(words, [name, , sentence]) {
  const text = `${name} ${sentence}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function item([name, place, sentence]) {
  const link = Object.assign(document.createElement("a"), { href: place, textContent: name });
  const line = document.createElement("li");
  line.append(link, ` ${sentence}`);
  return line;
}

input.addEventListener("input", () => {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.length ? NAMES.filter((name) => matches(words, name)) : [];
  // What is named so comes before what only speaks of it; shorter names first.
  const rank = ([name]) => (name.toLowerCase().includes(words[0]) ? 0 : 1000) + name.length;
  hits.sort((one, other) => rank(one) - rank(other));
  found.replaceChildren(...hits.slice(0, MOST).map(item));
  found.hidden = hits.length === 0;
});
