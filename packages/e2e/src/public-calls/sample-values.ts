/** Numbers of recipients. */
export const numbers = [
  "+6281355500001",
  "+6281355500002",
  "+6281355500003",
  "+6281355500004",
  "+6281355500005",
] as const;
export const code = "739154";
export const soon = new Date(Date.now() + 3_600_000).toISOString();
export const later = new Date(Date.now() + 7_200_000).toISOString();
