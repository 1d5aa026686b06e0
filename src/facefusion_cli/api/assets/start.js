// Addresses are relative to the page, so that it works behind a proxy that serves it under another path.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  layout: "BaseLayout",
  // Nobody else is asked whether the description is valid.
  validatorUrl: null,
  // The type that is chosen is preferred, but a video cannot become a picture.
  requestInterceptor: (request) => {
    if (request.headers && request.headers.accept) {
      request.headers.accept += ", */*;q=0.1";
    }
    return request;
  },
  // Pictures are shown; a video would be shown as text, unless it is something to download.
  responseInterceptor: (response) => {
    const headers = response.headers || {};
    if (/^video\//.test(headers["content-type"]) && headers["content-disposition"]) {
      headers["content-disposition"] = headers["content-disposition"].replace(/^inline/, "attachment");
    }
    return response;
  },
});
