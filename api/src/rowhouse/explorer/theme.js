"use strict";

// Before anything is drawn, so that nobody sees the other colours first. Without a choice it is as the system is.
{
  const chosen = localStorage.getItem("rowhouse.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
