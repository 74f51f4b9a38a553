# A file compiled for one SIMD tier shares no symbol with another file: an inline function of the standard library compiled with
# AVX-512 could be the copy that the linker keeps, and then every program would die on an older CPU.
objects=$(dirname "$LM_BIN")/lib/kernels/CMakeFiles
text_objects=$(dirname "$LM_BIN")/CMakeFiles
need nm
test -d "$objects/lm_kernels_portable.dir" || skip "no objects beside '$LM_BIN'"

status=0
for folder in "$objects"/lm_kernels_*.dir "$text_objects"/lm_text_*.dir; do
  tier=${folder##*/lm_}
  tier=${tier#*_}
  tier=${tier%.dir}
  for object in "$folder"/cpu/simd/*.o "$folder"/cpu/products/*/*.o "$folder"/lib/text/pattern/simd/*.o; do
    test -f "$object" || continue  # a library for one format has no cpu/simd, and text no kernels
    # Defined: the tier's namespace alone. Needed: it, and functions of the C library.
    nm -C "$object" | sed 's/^[0-9a-f ]* \([A-Za-z]\) /\1 /' | grep -v '^[a-z] ' | grep -v "^[A-Z] .*lm::$tier::" |
      grep -vE '^U (erf|exp|exp2|log|logf|memcpy|memset|memmove|tanh|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_)$' |
      grep -vE '^U __(asan|ubsan|tsan)' > strangers && { echo "tier $tier, $(basename "$object"):"; cat strangers; status=1; }
  done
done
exit $status
