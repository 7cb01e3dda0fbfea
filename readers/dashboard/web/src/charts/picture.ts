// A chart as a PNG: title, plot, and who is who, on the page's ground.

interface Names {
  runs: readonly string[];
  groups: ReadonlyMap<string, string> | undefined;
  name: (id: string) => string;
  colour: (id: string) => string;
}

const MOST_NAMED = 12;
const [MARGIN, TITLE, ROW] = [16, 34, 20];

export function chartPng(plot: HTMLCanvasElement, title: string, names: Names): Promise<Blob | null> {
  const ratio = window.devicePixelRatio;
  const width = plot.width / ratio;
  const ids = names.groups ? [...new Set(names.groups.values())] : names.runs;
  const shown = ids.slice(0, MOST_NAMED);
  const height = TITLE + plot.height / ratio + ROW * (shown.length + (ids.length > shown.length ? 1 : 0)) + 2 * MARGIN;
  const canvas = document.createElement("canvas");
  canvas.width = (width + 2 * MARGIN) * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  if (!context) return Promise.resolve(null);
  const style = getComputedStyle(document.documentElement);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  context.scale(ratio, ratio);
  context.fillStyle = token("--surface");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = token("--text");
  context.font = `600 14px ${token("--font")}`;
  context.textBaseline = "middle";
  context.fillText(title, MARGIN, MARGIN + 8, width);
  context.drawImage(plot, MARGIN, TITLE, width, plot.height / ratio);
  context.font = `12px ${token("--font")}`;
  shown.forEach((id, k) => {
    const y = TITLE + plot.height / ratio + MARGIN + ROW * k;
    context.fillStyle = names.colour(id);
    context.fillRect(MARGIN, y - 1, 14, 3);
    context.fillStyle = token("--text");
    context.fillText(names.name(id), MARGIN + 22, y, width - 22);
  });
  if (ids.length > shown.length) {
    context.fillStyle = token("--text-faint");
    context.fillText(`and ${ids.length - shown.length} more`, MARGIN + 22, TITLE + plot.height / ratio + MARGIN + ROW * shown.length);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
