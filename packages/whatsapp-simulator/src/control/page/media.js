import { clockOf, icon, make, makeButton, sizeOf } from "./dom.js";

const bars = 44;
const names = { image: "Photo", video: "Video", audio: "Audio", voice: "Voice message", document: "Document" };
const play = ["M7 4.5v15l12.5-7.5z", "play"];
const pause = ["M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z", "pause"];
/** View-once messages that were opened on this page. */
const opened = new Set();

/** The file of a message, as a phone shows it. */
export function mediaOf(message, number) {
  const { kind, media } = message;
  const url = `/phones/${encodeURIComponent(number)}/messages/${encodeURIComponent(message.id)}/media`;
  if (media.problem) return problemOf(message);
  if (message.isViewOnce) return onceOf(message, () => shownOf(kind, message, url));
  return shownOf(kind, message, url);
}

function shownOf(kind, message, url) {
  const { media } = message;
  const block = make("div", `media ${kind}`);
  if (message.isNote) block.classList.add("note");
  switch (kind) {
    case "image":
    case "sticker":
      block.append(pictureOf(url, media, message.text || names[kind] || "Sticker"));
      break;
    case "video":
      block.append(videoOf(url, message), ...(message.isGif ? [make("span", "tag", "GIF")] : []));
      break;
    case "audio":
    case "voice":
      block.append(playerOf(url, media));
      break;
    default:
      block.append(cardOf(url, media));
  }
  return block;
}

function sized(element, { width, height }) {
  if (width && height) element.style.aspectRatio = `${width} / ${height}`;
  return element;
}

function pictureOf(url, media, label) {
  const picture = sized(make("img", ""), media);
  picture.alt = label;
  picture.decoding = "async";
  picture.src = url;
  picture.addEventListener("error", () => picture.classList.add("broken"));
  return picture;
}

function videoOf(url, { media, isGif, isNote }) {
  const video = sized(make("video", ""), isNote ? { width: 1, height: 1 } : media);
  video.src = url;
  if (media.thumbnail) video.poster = `data:image/jpeg;base64,${media.thumbnail}`;
  video.playsInline = true;
  video.preload = "metadata";
  video.controls = !isGif && !isNote;
  video.loop = Boolean(isGif);
  video.muted = Boolean(isGif);
  video.autoplay = Boolean(isGif);
  if (isNote) video.addEventListener("click", () => (video.paused ? void video.play() : video.pause()));
  return video;
}

/** Plays a voice message, and shows how loud it is and how far it is. */
function playerOf(url, { seconds, waveform = [] }) {
  const audio = new Audio();
  audio.preload = "none";
  audio.src = url;
  const time = make("span", "time", clockOf(seconds));
  const loudness = Array.from(
    { length: bars },
    (_, index) => waveform[Math.floor((index * waveform.length) / bars)] ?? 0,
  );
  const wave = make("button", "wave");
  wave.type = "button";
  wave.setAttribute("aria-label", "Go to a place");
  for (const loud of loudness) {
    const bar = make("i", "");
    bar.style.setProperty("--loud", String(loud / 100));
    wave.append(bar);
  }
  const button = makeButton(
    "play-pause",
    "Play",
    () => (audio.paused ? void audio.play().catch(fail) : audio.pause()),
    icon("", "0 0 24 24", play, pause),
  );
  const fail = () => {
    time.textContent = "cannot be played";
  };
  const draw = () => {
    const length = Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : seconds || 1;
    const reached = (audio.currentTime / length) * bars;
    for (const [index, bar] of [...wave.children].entries()) bar.classList.toggle("heard", index < reached);
    time.textContent = clockOf(audio.currentTime > 0 ? audio.currentTime : seconds);
    button.classList.toggle("playing", !audio.paused);
    button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
  };
  for (const event of ["timeupdate", "play", "pause", "ended", "loadedmetadata"]) audio.addEventListener(event, draw);
  wave.addEventListener("click", (event) => {
    const { left, width } = wave.getBoundingClientRect();
    if (Number.isFinite(audio.duration)) audio.currentTime = ((event.clientX - left) / width) * audio.duration;
  });
  return make("div", "player", button, wave, time);
}

function cardOf(url, { fileName = "document", mimeType, sizeBytes }) {
  const extension = /\.([\w]{1,5})$/.exec(fileName)?.[1] ?? mimeType.split("/")[1]?.slice(0, 4) ?? "file";
  const card = make(
    "a",
    "card file",
    make("span", "sheet", extension.toUpperCase()),
    make("span", "about", make("span", "title", fileName), make("span", "detail", sizeOf(sizeBytes))),
    icon("down", "0 0 24 24", ["M12 4v11m0 0-4.5-4.5M12 15l4.5-4.5M5 19.5h14"]),
  );
  card.href = url;
  card.download = fileName;
  return card;
}

function problemOf({ kind, media }) {
  const what = names[kind] ?? "Sticker";
  return make(
    "div",
    "media problem",
    icon("warning", "0 0 24 24", ["M12 3.5 2.5 20h19zM12 10v4.5m0 2.6v.4"]),
    `${what} cannot be opened: ${media.problem}`,
  );
}

/** Hides the content until it is tapped; then it is shown once. */
function onceOf({ kind, id }, show) {
  const what = names[kind] ?? "Photo";
  const isOpened = opened.has(id);
  const open = makeButton(
    "once",
    "",
    () => {
      opened.add(id);
      block.replaceWith(show());
    },
    make("span", "one", "1"),
    isOpened ? "Opened" : what,
  );
  open.disabled = isOpened;
  const block = make("div", "media", open);
  return block;
}
