// Choosing a customer shows the shop as they see it.
const form = document.querySelector("[data-visitor]");
form.addEventListener("change", () => {
  const email = form.elements.as.value;
  location.assign(email ? `${form.action}?${new URLSearchParams({ as: email })}` : form.action);
});
