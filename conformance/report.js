"use strict";
(() => {
  const by = id => document.getElementById(id);
  const all = [...document.querySelectorAll(".req")];
  const apply = () => {
    const words = by("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const status = by("status").value, level = by("level").value;
    const asked = words.length || status || level;
    const shown = new Set(); // a requirement stands under its cause and in its area
    for (const e of all) {
      const t = e.textContent.toLowerCase();
      const fits = (!status || e.dataset.status === status) && (!level || e.dataset.level === level) && words.every(w => t.includes(w));
      e.dataset.fits = fits ? "1" : "";
      if (fits) shown.add(e.querySelector(".id").textContent);
    }
    for (const e of all) e.hidden = !e.dataset.fits && !e.querySelector('.req[data-fits="1"]');
    for (const d of document.querySelectorAll("details")) {
      const inner = d.querySelectorAll(":scope > .req");
      if (!inner.length) continue;
      const fits = [...inner].some(e => !e.hidden);
      d.hidden = !fits;
      if (asked && fits) d.open = true;
    }
    by("shown").textContent = asked ? shown.size + " shown" : "";
  };
  for (const id of ["q", "status", "level"]) by(id).addEventListener("input", apply);
  document.querySelector("form.filter").addEventListener("submit", e => e.preventDefault());
  const open = () => {
    const e = location.hash && by(decodeURIComponent(location.hash.slice(1)));
    if (!e) return;
    for (let d = e; d; d = d.parentElement) if (d.tagName === "DETAILS") d.open = true;
    const first = e.querySelector("details.exchange");
    if (first) first.open = true;
    e.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();
  document.addEventListener("click", e => {
    if (e.target.tagName !== "BUTTON") return;
    const text = e.target.previousElementSibling.textContent;
    navigator.clipboard.writeText(text).then(() => { e.target.textContent = "Copied"; });
  });
  addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("article > details.exchange")) d.open = true; });
})();
