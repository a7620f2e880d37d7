/** Calls the control API with JSON, or with a file as it is; throws the detail of a refusal. */
export async function ask(method, path, body) {
  const isFile = body instanceof Blob;
  const response = await fetch(path, {
    method,
    ...(isFile && { body }),
    ...(body && !isFile && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = response.status === 204 ? undefined : await response.json();
  if (!response.ok) throw new Error(answer?.detail ?? answer?.title ?? "It did not work");
  return answer;
}

export function onSubmit(form, run) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run(Object.fromEntries(new FormData(form)));
  });
}
